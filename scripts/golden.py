"""Golden vectors for the engine: a second, independent computation of the same model.

numpy float32 from the dequantised weights, written from the description of the Llama architecture
and knowing nothing of the engine. For 24 prompts: the logits after the prompt and 24 greedy tokens.

    python3 -m venv .cache/python && .cache/python/bin/pip install -r scripts/requirements.txt
    .cache/python/bin/python scripts/golden.py models/fixture/tiny.gguf test/golden/tiny.json
    .cache/python/bin/python scripts/golden.py models/fixture/tiny-mixed.gguf \
        test/golden/tiny-mixed.json
    .cache/python/bin/python scripts/golden.py MODEL.gguf \
        test/golden/smollm2-135m-instruct-q4_1.json

The last one wants the default model (`edgewise pull` keeps it as
~/.cache/edgewise/models/<sha256>.gguf) and takes some minutes. Shape of the result:

    { model: { file, sha256, sizeBytes },
      prompts: [{
        name,
        input: { kind: 'prefix', before } | { kind: 'messages', messages },
        tokens: number[],                   // start token included where the model wants one
        top: [{ id, logit }, … 20],         // of the last prompt position, best first
        logSumExp,                          // over the whole vocabulary, natural log
        greedy: [{ id, margin, logProbability }, … 24] }] }

`margin` is the best logit minus the second best, before the token `id` was taken; generation goes
on past end tokens. Prompts of more than 488 tokens need a context of 1024.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

from golden_prompts import PROMPTS
from reference_tokenizer import ReferenceTokenizer, describe_model

GREEDY_TOKENS = 24
TOP = 20
LONGEST_CONTEXT = 1024


class Llama:
    """Pre-norm decoder: RMSNorm, rotary positions on adjacent pairs, grouped queries, SwiGLU."""

    architecture = "llama"

    def __init__(self, reader: GGUFReader):
        def number(key: str, fallback: float | None = None) -> float:
            field = reader.get_field(f"{self.architecture}.{key}")
            return fallback if field is None and fallback is not None else field.contents()

        self.layers = int(number("block_count"))
        self.heads = int(number("attention.head_count"))
        self.kv_heads = int(number("attention.head_count_kv"))
        self.hidden = int(number("embedding_length"))
        self.head_dim = int(number("attention.key_length", self.hidden // self.heads))
        self.epsilon = np.float32(number("attention.layer_norm_rms_epsilon"))
        self.weights = {
            tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            for tensor in reader.tensors
        }
        self.context = min(int(number("context_length")), LONGEST_CONTEXT)
        pairs = np.arange(0, self.head_dim, 2) / self.head_dim
        self.frequencies = 1.0 / float(number("rope.freq_base", 1_000_000)) ** pairs
        self.window = int(number("attention.sliding_window", LONGEST_CONTEXT))
        self.clear()

    def clear(self) -> None:
        empty = np.zeros((0, self.kv_heads, self.head_dim), np.float32)
        self.keys = [empty] * self.layers
        self.values = [empty] * self.layers

    def forward(self, tokens: list[int]) -> np.ndarray:
        """Logits after the last of `tokens`, which follow everything given since `clear`."""
        x = self.weights["token_embd.weight"][tokens]
        for layer in range(self.layers):
            x = x + self.attention(layer, x)
            x = x + self.feed_forward(layer, x)
        last = self.norm(x[-1], "output_norm.weight")
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return head @ last

    def attention(self, layer: int, x: np.ndarray) -> np.ndarray:
        prefix = f"blk.{layer}.attn_"
        normed = self.norm(x, prefix + "norm.weight")
        count, start = len(x), len(self.keys[layer])
        positions = np.arange(start, start + count)
        queries = self.rotate(self.project(normed, prefix + "q.weight", self.heads), positions)
        keys = self.rotate(self.project(normed, prefix + "k.weight", self.kv_heads), positions)
        values = self.project(normed, prefix + "v.weight", self.kv_heads)
        self.keys[layer] = np.concatenate([self.keys[layer], keys])
        self.values[layer] = np.concatenate([self.values[layer], values])
        is_future = np.arange(start + count)[None, :] > positions[:, None]
        mixed = np.empty_like(queries)
        for head in range(self.heads):
            kv_head = head * self.kv_heads // self.heads
            scores = queries[:, head] @ self.keys[layer][:, kv_head].T
            scores /= np.float32(np.sqrt(self.head_dim))
            scores[is_future] = -np.inf
            mixed[:, head] = softmax(scores) @ self.values[layer][:, kv_head]
        return mixed.reshape(count, -1) @ self.weights[prefix + "output.weight"].T

    def feed_forward(self, layer: int, x: np.ndarray) -> np.ndarray:
        prefix = f"blk.{layer}.ffn_"
        normed = self.norm(x, prefix + "norm.weight")
        gate = normed @ self.weights[prefix + "gate.weight"].T
        up = normed @ self.weights[prefix + "up.weight"].T
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[prefix + "down.weight"].T

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        mean_square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.epsilon) * self.weights[name]

    def project(self, x: np.ndarray, name: str, heads: int) -> np.ndarray:
        return (x @ self.weights[name].T).reshape(len(x), heads, self.head_dim)

    def rotate(self, x: np.ndarray, positions: np.ndarray) -> np.ndarray:
        angles = positions[:, None, None] * self.frequencies
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        even, odd = x[..., 0::2], x[..., 1::2]
        rotated = np.empty_like(x)
        rotated[..., 0::2] = even * cos - odd * sin
        rotated[..., 1::2] = even * sin + odd * cos
        return rotated


class Gemma3(Llama):
    """What the report on Gemma 3 (2025) and its published code change: scaled embedding, norms of
    heads and of each branch's output, GELU, rotation of halves, five local layers before each global
    one. The file's norm weights already contain the 1 that the original adds."""

    architecture = "gemma3"
    local_base = 10_000.0
    global_every = 6

    def forward(self, tokens: list[int]) -> np.ndarray:
        x = self.weights["token_embd.weight"][tokens] * np.float32(np.sqrt(self.hidden))
        for layer in range(self.layers):
            attended = self.attention(layer, x)
            x = x + self.norm(attended, f"blk.{layer}.post_attention_norm.weight")
            fed = self.feed_forward(layer, x)
            x = x + self.norm(fed, f"blk.{layer}.post_ffw_norm.weight")
        return self.weights["token_embd.weight"] @ self.norm(x[-1], "output_norm.weight")

    def attention(self, layer: int, x: np.ndarray) -> np.ndarray:
        prefix = f"blk.{layer}.attn_"
        is_global = (layer + 1) % self.global_every == 0
        normed = self.norm(x, prefix + "norm.weight")
        start, count = len(self.keys[layer]), len(x)
        positions = np.arange(start, start + count)
        queries = self.project(normed, prefix + "q.weight", self.heads)
        keys = self.project(normed, prefix + "k.weight", self.kv_heads)
        queries = self.turn(self.norm(queries, prefix + "q_norm.weight"), positions, is_global)
        keys = self.turn(self.norm(keys, prefix + "k_norm.weight"), positions, is_global)
        values = self.project(normed, prefix + "v.weight", self.kv_heads)
        self.keys[layer] = np.concatenate([self.keys[layer], keys])
        self.values[layer] = np.concatenate([self.values[layer], values])
        distance = positions[:, None] - np.arange(start + count)[None, :]
        is_hidden = (distance < 0) | (not is_global and distance >= self.window)
        mixed = np.empty_like(queries)
        for head in range(self.heads):
            kv_head = head * self.kv_heads // self.heads
            scores = queries[:, head] @ self.keys[layer][:, kv_head].T / np.sqrt(self.head_dim)
            scores = np.where(is_hidden, -np.inf, scores).astype(np.float32)
            mixed[:, head] = softmax(scores) @ self.values[layer][:, kv_head]
        return mixed.reshape(count, -1) @ self.weights[prefix + "output.weight"].T

    def turn(self, x: np.ndarray, positions: np.ndarray, is_global: bool) -> np.ndarray:
        exponents = np.arange(0, self.head_dim, 2) / self.head_dim
        frequencies = self.frequencies if is_global else self.local_base**-exponents
        angles = positions[:, None, None] * frequencies
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        half = self.head_dim // 2
        first, second = x[..., :half], x[..., half:]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)

    def feed_forward(self, layer: int, x: np.ndarray) -> np.ndarray:
        prefix = f"blk.{layer}.ffn_"
        normed = self.norm(x, prefix + "norm.weight")
        gate = normed @ self.weights[prefix + "gate.weight"].T
        up = normed @ self.weights[prefix + "up.weight"].T
        inner = np.float32(np.sqrt(2 / np.pi)) * (gate + np.float32(0.044715) * gate**3)
        gelu = np.float32(0.5) * gate * (1 + np.tanh(inner))
        return (gelu * up) @ self.weights[prefix + "down.weight"].T


MODELS = {model.architecture: model for model in (Llama, Gemma3)}


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_sum_exp(logits: np.ndarray) -> float:
    wide = logits.astype(np.float64)
    return float(wide.max() + np.log(np.exp(wide - wide.max()).sum()))


def plain_chat(messages: list[dict[str, str]]) -> str:
    """For models without a chat template: a transcript."""
    names = {"system": "System", "user": "User", "assistant": "Assistant"}
    lines = [f"{names[message['role']]}: {message['content']}" for message in messages]
    return "\n".join([*lines, "Assistant:"])


def prompt_input(prompt: dict, tokenizer: ReferenceTokenizer, limit: int) -> tuple[dict, list[int]]:
    """What to ask and its tokens; text too long for the model loses words at its end."""
    if "messages" in prompt and tokenizer.template is not None:
        tokens = tokenizer.encode(tokenizer.render(prompt["messages"]), allow_special=True)
        return {"kind": "messages", "messages": prompt["messages"]}, tokens
    text = prompt["text"] if "text" in prompt else plain_chat(prompt["messages"])
    tokens = tokenizer.encode(text)
    while len(tokens) > limit:
        text = text.rsplit(" ", 1)[0]
        tokens = tokenizer.encode(text)
    start = [tokenizer.bos] if tokenizer.adds_bos else []
    return {"kind": "prefix", "before": text}, start + tokens


def greedy_tokens(model: Llama, logits: np.ndarray) -> list[dict]:
    steps = []
    for _ in range(GREEDY_TOKENS):
        second, best = np.partition(logits, -2)[-2:]
        token = int(np.argmax(logits))
        steps.append(
            {
                "id": token,
                "margin": round(float(best - second), 5),
                "logProbability": round(float(best) - log_sum_exp(logits), 5),
            }
        )
        logits = model.forward([token])
    return steps


def run_prompt(model: Llama, tokenizer: ReferenceTokenizer, prompt: dict) -> dict:
    asked, tokens = prompt_input(prompt, tokenizer, model.context - GREEDY_TOKENS - 8)
    model.clear()
    logits = model.forward(tokens)
    order = np.argsort(-logits, kind="stable")[:TOP]
    return {
        "name": prompt["name"],
        "input": asked,
        "tokens": tokens,
        "top": [{"id": int(i), "logit": round(float(logits[i]), 5)} for i in order],
        "logSumExp": round(log_sum_exp(logits), 5),
        "greedy": greedy_tokens(model, logits),
    }


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("Use: python scripts/golden.py MODEL.gguf OUT.json")
    path, target = Path(sys.argv[1]), Path(sys.argv[2])
    reader = GGUFReader(path)
    architecture = str(reader.get_field("general.architecture").contents())
    tokenizer, model = ReferenceTokenizer(reader), MODELS[architecture](reader)
    lines = []
    for prompt in PROMPTS:
        result = run_prompt(model, tokenizer, prompt)
        lines.append(json.dumps(result, ensure_ascii=True, separators=(",", ":")))
        margins = [step["margin"] for step in result["greedy"]]
        shown = tokenizer.decode([step["id"] for step in result["greedy"]])
        print(f"{prompt['name']}: {len(result['tokens'])} tokens, margin ≥ {min(margins)}: {shown!r}")
    about = json.dumps(describe_model(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('{"model":' + about + ',\n"prompts":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
