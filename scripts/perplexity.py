"""Reference perplexity for `npm run bench -- fidelity`: numpy float32 on the dequantised weights.

    .cache/python/bin/python scripts/perplexity.py MODEL.gguf TEXT.txt OUT.json

The text is cut into windows of 512 tokens; every token of a window but its first is scored. Shape of
the result:

    { model: { file, sha256, sizeBytes }, text: { sha256, tokens },
      windows: [{ tokens: number[], logProbabilitySum, last: number[] }],
      scoredTokens, perplexity }

`last` holds the logit of every 64th id at the window's last position, for a cosine. The text's
remainder that fills no window is left out.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader

from golden import Llama, log_sum_exp
from reference_tokenizer import ReferenceTokenizer, describe_model

WINDOW = 512
LOGIT_STRIDE = 64


class ScoringLlama(Llama):
    """Gives the logits of every position, not only of the last one."""

    def score(self, tokens: list[int]) -> np.ndarray:
        self.clear()
        x = self.weights["token_embd.weight"][tokens]
        for layer in range(self.layers):
            x = x + self.attention(layer, x)
            x = x + self.feed_forward(layer, x)
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return self.norm(x, "output_norm.weight") @ head.T


def score_window(model: ScoringLlama, tokens: list[int]) -> dict:
    logits = model.score(tokens)
    total = sum(
        float(logits[index][token]) - log_sum_exp(logits[index])
        for index, token in enumerate(tokens[1:])
    )
    last = [round(float(logit), 4) for logit in logits[-1][::LOGIT_STRIDE]]
    return {"tokens": tokens, "logProbabilitySum": round(total, 4), "last": last}


def main() -> None:
    if len(sys.argv) != 4:
        raise SystemExit("Use: python scripts/perplexity.py MODEL.gguf TEXT.txt OUT.json")
    path, source, target = map(Path, sys.argv[1:])
    reader = GGUFReader(path)
    tokens = ReferenceTokenizer(reader).encode(source.read_text("utf8"))
    model = ScoringLlama(reader)
    starts = range(0, len(tokens) - WINDOW + 1, WINDOW)
    windows = [score_window(model, tokens[start : start + WINDOW]) for start in starts]
    scored = len(windows) * (WINDOW - 1)
    total = sum(window["logProbabilitySum"] for window in windows)
    result = {
        "model": describe_model(path),
        "text": {"sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "tokens": len(tokens)},
        "windows": windows,
        "scoredTokens": scored,
        "perplexity": round(float(np.exp(-total / scored)), 5),
    }
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(f"{scored} tokens, perplexity {result['perplexity']}")


if __name__ == "__main__":
    main()
