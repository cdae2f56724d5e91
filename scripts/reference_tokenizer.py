"""The reference tokenizer: the Rust `tokenizers` library, or for models of SentencePiece's kind the
original C++ `sentencepiece`, fed from a GGUF file's own metadata.

Shared by golden.py and tokenizer-vectors.py. It uses the `Digits` pre-tokenizer, as the original
tokenizer.json of the default model does, so the engine's own way of splitting digits is checked
against something else than itself.
"""

import hashlib
import re
from pathlib import Path

from gguf import GGUFReader, TokenType
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sentencepiece import SentencePieceProcessor
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


class PieceReference:
    """SentencePiece with the few calls that the Rust library's tokenizer has."""

    def __init__(self, names: list[str], scores: list[float], kinds: list[int]):
        proto = model_pb2.ModelProto()
        for name, score, kind in zip(names, scores, kinds):
            # GGUF writes the spaces of user-defined tokens as they are.
            is_user_defined = kind == TokenType.USER_DEFINED
            text = name.replace(" ", "\u2581") if is_user_defined else name
            kind = TokenType.UNKNOWN if name == "<unk>" else kind
            proto.pieces.add(piece=text, score=score, type=int(kind))
        trainer, normalizer = proto.trainer_spec, proto.normalizer_spec
        trainer.model_type = model_pb2.TrainerSpec.BPE
        trainer.byte_fallback = True
        trainer.unk_id = names.index("<unk>")
        normalizer.name = "identity"
        normalizer.add_dummy_prefix = False
        normalizer.remove_extra_whitespaces = False
        normalizer.escape_whitespaces = True
        self.processor = SentencePieceProcessor(model_proto=proto.SerializeToString())
        self.special = {
            name: index for index, name in enumerate(names) if kinds[index] == TokenType.CONTROL
        }
        longest_first = sorted(self.special, key=len, reverse=True)
        self.pattern = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def encode(self, text: str) -> list[int]:
        return self.processor.encode(text) if text else []

    def encode_special(self, text: str) -> list[int]:
        pieces = self.pattern.split(text)
        ids = [[self.special[p]] if p in self.special else self.encode(p) for p in pieces]
        return [index for part in ids for index in part]

    def decode(self, ids: list[int]) -> str:
        return self.processor.decode(ids)


class ReferenceTokenizer:
    def __init__(self, reader: GGUFReader):
        self.reader = reader
        names = self.value("tokenizer.ggml.tokens")
        self.special = [
            name
            for name, kind in zip(names, self.value("tokenizer.ggml.token_type"))
            if kind == TokenType.CONTROL
        ]
        self.bos = self.value("tokenizer.ggml.bos_token_id")
        self.adds_bos = bool(self.value("tokenizer.ggml.add_bos_token", False))
        self.template = self.value("tokenizer.chat_template", None)
        self.names = names
        self.pieces = None
        if self.value("tokenizer.ggml.model") == "llama":
            scores = self.value("tokenizer.ggml.scores")
            kinds = self.value("tokenizer.ggml.token_type")
            self.pieces = PieceReference(names, scores, kinds)
            return
        self.plain = self.build(with_special=False)
        self.full = self.build(with_special=True)

    def value(self, key: str, *default):
        field = self.reader.get_field(key)
        if field is not None:
            return field.contents()
        if default:
            return default[0]
        raise SystemExit(f"The model has no metadata {key}.")

    def build(self, with_special: bool) -> Tokenizer:
        if self.value("tokenizer.ggml.pre") != "smollm":
            raise SystemExit("This reference knows the pre-tokeniser `smollm` only.")
        merges = [tuple(merge.split(" ")) for merge in self.value("tokenizer.ggml.merges")]
        vocabulary = {name: index for index, name in enumerate(self.names)}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, fuse_unk=False))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        if with_special:
            tokenizer.add_special_tokens(
                [AddedToken(name, special=True, normalized=False) for name in self.special]
            )
        return tokenizer

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        if self.pieces is not None:
            encode = self.pieces.encode_special if allow_special else self.pieces.encode
            return encode(self.clean(text))
        chosen = self.full if allow_special else self.plain
        return chosen.encode(self.clean(text), add_special_tokens=False).ids

    def decode(self, ids: list[int]) -> str:
        return self.full.decode(ids) if self.pieces is None else self.pieces.decode(ids)

    def clean(self, text: str) -> str:
        """Lone surrogates count as U+FFFD, as TextEncoder in JavaScript makes them."""
        return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)

    def render(self, messages: list[dict[str, str]]) -> str:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(self.template).render(
            messages=messages,
            add_generation_prompt=True,
            bos_token=self.names[self.bos],
            eos_token=self.names[self.value("tokenizer.ggml.eos_token_id")],
        )


def describe_model(path: Path) -> dict[str, str | int]:
    data = path.read_bytes()
    return {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "sizeBytes": len(data),
    }
