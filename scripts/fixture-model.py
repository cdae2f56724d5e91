"""Writes the tiny models that tests use: random weights, real file format.

    models/fixture/tiny.gguf        as the default model is published: Q4_1 matrices, Q8_0 embedding
                                    that is also the output head, F32 norms, a chat template
    models/fixture/tiny-mixed.gguf  Q4_0, Q4_1, Q8_0, F16 and F32 matrices in one file, an output
                                    head of its own, a start token, no chat template
    models/fixture/tiny-k.gguf      Q4_K, Q5_K, Q6_K, Q5_0 and Q5_1 matrices, heads narrower than the
                                    hidden state
    models/fixture/tiny-thirds.gguf three query heads to a key head and few columns, as SmolLM2 360M
                                    has them
    models/fixture/tiny-gemma.gguf  the Gemma 3 architecture: six local layers and a global one, a
                                    window of 24 positions, 5-bit matrices, a SentencePiece vocabulary
    models/fixture/wide-360m.gguf.gz two layers of the shape of SmolLM2 360M, width for width: 960, 15 query
                                    and 5 key heads of 64, 2560. Its matrices repeat one row of blocks, so
                                    that 12 MB pack into some ten kB

All but the Gemma one share a real byte-level BPE vocabulary, learnt here from the text below. Same seed, same bytes.
Rerun (then rerun golden.py and tokenizer-vectors.py, whose vectors depend on these files):

    python3 -m venv .cache/python && .cache/python/bin/pip install -r scripts/requirements.txt
    .cache/python/bin/python scripts/fixture-model.py

Q and K are random, so the row order that llama.cpp's converter gives them (rotary pairs adjacent)
holds by definition: rotary pairs of these files are (0, 1), (2, 3), ….
"""

import gzip
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from gguf.quants import quantize
from sentencepiece import SentencePieceTrainer
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

from k_quants import quantize_k

FOLDER = Path(__file__).resolve().parent.parent / "models" / "fixture"
SEED = 20261124
K_TYPES = ("Q4_K", "Q5_K", "Q6_K")
VOCABULARY_SIZE = 576
SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<repo_name>",
    "<file_sep>",
    "<filename>",
    "<empty_output>",
    "<jupyter_code>",
]
PIECES_SIZE = 640
CONTROL_PIECES = ["<start_of_turn>", "<end_of_turn>"]
USER_PIECES = ["\n", "\n\n", "\n\n\n", "  ", "   ", "    ", "\t", "<table>"]
# Blocks after which matrices repeat: a prime, so that a row starts like another one only so many rows further
# on (never two tokens of the embedding: they would tie), and few enough for gzip to find the last round.
REPEAT_BLOCKS = {"Q4_1": 499, "Q8_0": 881}
TURN_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{% set name = 'model' %}"
    "{% else %}{% set name = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + name + '\n' + message['content'] + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a tiny test model.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEXT = """
The train leaves the station at seven in the morning and comes back late in the evening.
She writes a short message to her friend: the meeting is on Thursday, not on Tuesday.
We would like to thank you for the help with the order and for the quick answer.
When the tunnel starts, the network is gone, but the words still come from the machine itself.
The garden behind the house is quiet; the children are playing there with the neighbour's dog.
I think that this is the right thing to do, and there is nothing more that we could have done.
Please send the report to the whole team before the end of the week, with the numbers of June.
It was raining all day, so they stayed inside, made tea and were reading their old letters.
What is the weather like in the north? Nobody knows, and nobody wants to ask the forecast again.
The other question is whether something small can be good enough for everything that matters.
Der Zug fährt um sieben Uhr und kommt erst am Abend wieder zurück, wenn die Straße schon leer ist.
Wir danken Ihnen für die schnelle Antwort und wünschen Ihnen ein schönes Wochenende mit der Familie.
Das ist nicht schlecht, aber es könnte noch ein wenig schneller und auch etwas größer sein.
Le petit garçon mange une pomme à la fenêtre et regarde les nuages passer au-dessus de la ville.
function add(first, second) { return first + second; }
for (let index = 0; index < length; index += 1) { console.log(list[index]); }
def area(width, height):
    return width * height
if value is None:
    raise ValueError("the value is missing")
- one apple, two pears, three lemons
- 12 eggs, 3.50 euros, 100 % of the price
Dear Sir or Madam, thank you for your message. Kind regards, the support team.
"Are you there?" he asked. "Yes," she answered, "I'm here, and I don't want to leave."
"""


@dataclass
class Shape:
    hidden: int
    heads: int
    kv_heads: int
    feed_forward: int
    layers: int = 2
    context: int = 512
    rope_base: float = 10000.0
    epsilon: float = 1e-5
    head_size: int | None = None
    window: int | None = None

    @property
    def head_dim(self) -> int:
        return self.head_size or self.hidden // self.heads


@dataclass
class Variant:
    file: str
    name: str
    shape: Shape
    file_type: LlamaFileType
    types: dict[str, str] = field(default_factory=dict)
    default_type: str = "Q4_1"
    has_head: bool = False
    adds_bos: bool = False
    chat_template: str | None = None
    architecture: str = "llama"
    repeats: bool = False

    @property
    def is_gemma(self) -> bool:
        return self.architecture == "gemma3"

    @property
    def vocabulary_size(self) -> int:
        return PIECES_SIZE if self.is_gemma else VOCABULARY_SIZE


VARIANTS = [
    Variant(
        file="tiny.gguf",
        name="Edgewise tiny fixture",
        shape=Shape(hidden=192, heads=3, kv_heads=1, feed_forward=256),
        file_type=LlamaFileType.MOSTLY_Q4_1,
        types={"token_embd": "Q8_0"},
        chat_template=CHAT_TEMPLATE,
    ),
    Variant(
        file="tiny-mixed.gguf",
        name="Edgewise tiny mixed fixture",
        shape=Shape(hidden=128, heads=4, kv_heads=2, feed_forward=256, rope_base=100000.0),
        file_type=LlamaFileType.MOSTLY_Q4_0,
        types={
            "token_embd": "F16",
            "output": "Q8_0",
            "blk.0.attn_q": "F16",
            "blk.0.attn_v": "F32",
            "blk.0.ffn_down": "Q8_0",
            "blk.1.attn_k": "Q8_0",
            "blk.1.attn_output": "Q4_1",
        },
        default_type="Q4_0",
        has_head=True,
        adds_bos=True,
    ),
    Variant(
        file="tiny-k.gguf",
        name="Edgewise tiny K fixture",
        shape=Shape(hidden=256, heads=4, kv_heads=2, feed_forward=256, head_size=32),
        file_type=LlamaFileType.MOSTLY_Q4_K_M,
        types={
            "token_embd": "Q6_K",
            "blk.0.attn_q": "Q5_0",
            "blk.0.attn_k": "Q5_1",
            "blk.0.attn_v": "Q6_K",
            "blk.0.attn_output": "Q5_0",
            "blk.0.ffn_down": "Q6_K",
            "blk.1.attn_k": "Q5_K",
            "blk.1.attn_output": "Q5_1",
            "blk.1.ffn_gate": "Q5_K",
            "blk.1.ffn_up": "Q5_0",
            "blk.1.ffn_down": "Q5_1",
        },
        default_type="Q4_K",
    ),
    Variant(
        file="tiny-thirds.gguf",
        name="Edgewise tiny thirds fixture",
        shape=Shape(hidden=96, heads=6, kv_heads=2, feed_forward=256),
        file_type=LlamaFileType.MOSTLY_Q4_1,
        types={"token_embd": "Q8_0"},
        chat_template=CHAT_TEMPLATE,
    ),
    Variant(
        file="tiny-gemma.gguf",
        name="Edgewise tiny Gemma fixture",
        architecture="gemma3",
        shape=Shape(
            hidden=96,
            heads=4,
            kv_heads=1,
            feed_forward=128,
            layers=7,
            rope_base=1_000_000.0,
            epsilon=1e-6,
            head_size=32,
            window=24,
        ),
        file_type=LlamaFileType.MOSTLY_Q5_0,
        types={"token_embd": "Q8_0", "blk.0.attn_v": "Q8_0", "blk.1.ffn_down": "Q5_1"},
        default_type="Q5_0",
        adds_bos=True,
        chat_template=TURN_TEMPLATE,
    ),
    Variant(
        file="wide-360m.gguf",
        name="Edgewise wide fixture",
        shape=Shape(hidden=960, heads=15, kv_heads=5, feed_forward=2560, rope_base=100000.0),
        file_type=LlamaFileType.MOSTLY_Q4_1,
        types={"token_embd": "Q8_0"},
        chat_template=CHAT_TEMPLATE,
        repeats=True,
    ),
]


def byte_characters() -> list[str]:
    """The 256 stand-in characters of byte-level BPE, by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    shown = {byte: chr(byte) for byte in printable}
    shown |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [shown[byte] for byte in range(256)]


def learn_merges(text: str, count: int) -> list[tuple[str, str]]:
    """Most frequent adjacent pair first; ties go to the pair that sorts first."""
    split = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    words = Counter(tuple(piece) for piece, _ in split.pre_tokenize_str(text))
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = Counter({merge_word(word, best): times for word, times in words.items()})
    return merges


def merge_word(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for piece in word:
        if merged and (merged[-1], piece) == pair:
            merged[-1] += piece
            continue
        merged.append(piece)
    return tuple(merged)


def make_tensors(variant: Variant, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Scales keep every activation near 1 and spread the logits over several nats."""
    shape = variant.shape
    query_size, kv_size = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim

    def matrix(rows: int, columns: int, scale: float) -> np.ndarray:
        return rng.normal(0, scale / np.sqrt(columns), (rows, columns)).astype(np.float32)

    def norm(size: int = shape.hidden) -> np.ndarray:
        return rng.uniform(0.5, 1.5, size).astype(np.float32)

    tensors = {"token_embd": matrix(variant.vocabulary_size, shape.hidden, 4.0)}
    for layer in range(shape.layers):
        prefix = f"blk.{layer}."
        tensors[prefix + "attn_norm"] = norm()
        tensors[prefix + "attn_q"] = matrix(query_size, shape.hidden, 1.4)
        tensors[prefix + "attn_k"] = matrix(kv_size, shape.hidden, 1.4)
        tensors[prefix + "attn_v"] = matrix(kv_size, shape.hidden, 1.0)
        tensors[prefix + "attn_output"] = matrix(shape.hidden, query_size, 1.5)
        tensors[prefix + "ffn_norm"] = norm()
        tensors[prefix + "ffn_gate"] = matrix(shape.feed_forward, shape.hidden, 1.5)
        tensors[prefix + "ffn_up"] = matrix(shape.feed_forward, shape.hidden, 1.5)
        tensors[prefix + "ffn_down"] = matrix(shape.hidden, shape.feed_forward, 1.0)
        if variant.is_gemma:
            tensors[prefix + "attn_q_norm"] = norm(shape.head_dim)
            tensors[prefix + "attn_k_norm"] = norm(shape.head_dim)
            # Large, as the scaled embedding that they are added to.
            tensors[prefix + "post_attention_norm"] = 3 * norm()
            tensors[prefix + "post_ffw_norm"] = 3 * norm()
    # Random signs: otherwise a tied head answers each token with itself.
    signs = rng.choice([-1.0, 1.0], shape.hidden)
    tensors["output_norm"] = (norm() * signs).astype(np.float32)
    if variant.has_head:
        tensors["output"] = matrix(VOCABULARY_SIZE, shape.hidden, 4.0)
    return tensors


def add_metadata(writer: GGUFWriter, variant: Variant) -> None:
    shape = variant.shape
    writer.add_type("model")
    writer.add_name(variant.name)
    writer.add_license("apache-2.0")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_file_type(variant.file_type)
    writer.add_vocab_size(variant.vocabulary_size)
    if shape.window is not None:
        writer.add_sliding_window(shape.window)
    else:
        writer.add_rope_dimension_count(shape.head_dim)
    if shape.head_size is not None:
        writer.add_key_length(shape.head_size)
        writer.add_value_length(shape.head_size)
    writer.add_quantization_version(2)


def add_tokenizer(writer: GGUFWriter, variant: Variant) -> None:
    plain_count = VOCABULARY_SIZE - len(SPECIAL_TOKENS)
    merges = learn_merges(TEXT, plain_count - 256)
    tokens = SPECIAL_TOKENS + byte_characters() + [first + second for first, second in merges]
    if len(set(tokens)) != VOCABULARY_SIZE:
        raise SystemExit("The text is too short for this vocabulary: merges repeat.")
    types = [TokenType.CONTROL] * len(SPECIAL_TOKENS) + [TokenType.NORMAL] * plain_count
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(variant.adds_bos)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([f"{first} {second}" for first, second in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    if variant.chat_template is not None:
        writer.add_chat_template(variant.chat_template)


def learn_pieces() -> model_pb2.ModelProto:
    """SentencePiece's own trainer; one thread, so that the result does not vary."""
    target = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.strip().split("\n")),
        model_writer=target,
        model_type="bpe",
        vocab_size=PIECES_SIZE,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        control_symbols=CONTROL_PIECES,
        user_defined_symbols=USER_PIECES,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        num_threads=1,
        minloglevel=2,
    )
    return model_pb2.ModelProto.FromString(target.getvalue())


def add_pieces(writer: GGUFWriter, variant: Variant) -> None:
    """As llama.cpp's converter writes them: spaces of user-defined tokens as they are."""
    pieces = learn_pieces().pieces
    names, types = [], []
    for piece in pieces:
        is_user_defined = piece.type == TokenType.USER_DEFINED
        names.append(piece.piece.replace("\u2581", " ") if is_user_defined else piece.piece)
        # The published files call the unknown token a control token.
        types.append(TokenType.CONTROL if piece.type == TokenType.UNKNOWN else piece.type)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(names)
    writer.add_token_scores([piece.score for piece in pieces])
    writer.add_token_types(types)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(variant.adds_bos)
    writer.add_add_space_prefix(False)
    if variant.chat_template is not None:
        writer.add_chat_template(variant.chat_template)


def repeat_blocks(kind: GGMLQuantizationType, shape: tuple[int, ...], pool: np.ndarray, start: int) -> np.ndarray:
    """A matrix whose blocks go round in the pool."""
    rows, columns = shape
    values_per_block, _ = GGML_QUANT_SIZES[kind]
    count = rows * columns // values_per_block
    return pool[(start + np.arange(count)) % len(pool)].reshape(rows, -1)


def add_repeating_tensors(writer: GGUFWriter, variant: Variant, rng: np.random.Generator) -> None:
    hidden = variant.shape.hidden
    pools = {}
    for type_name, scale in (("Q4_1", 1.4), ("Q8_0", 4.0)):
        kind, blocks = GGMLQuantizationType[type_name], REPEAT_BLOCKS[type_name]
        values_per_block, block_bytes = GGML_QUANT_SIZES[kind]
        values = rng.normal(0, scale / np.sqrt(hidden), (blocks, values_per_block))
        pools[type_name] = quantize(values.astype(np.float32), kind).reshape(blocks, block_bytes)
    for name, values in make_tensors(variant, rng).items():
        if values.ndim == 1:
            writer.add_tensor(f"{name}.weight", values)
            continue
        type_name = variant.types.get(name, variant.default_type)
        kind, pool = GGMLQuantizationType[type_name], pools[type_name]
        packed = repeat_blocks(kind, values.shape, pool, int(rng.integers(len(pool))))
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)


def add_tensors(writer: GGUFWriter, variant: Variant, rng: np.random.Generator) -> None:
    if variant.repeats:
        add_repeating_tensors(writer, variant, rng)
        return
    for name, values in make_tensors(variant, rng).items():
        type_name = "F32" if values.ndim == 1 else variant.types.get(name, variant.default_type)
        kind = GGMLQuantizationType[type_name]
        packed = quantize_k(values, type_name) if type_name in K_TYPES else quantize(values, kind)
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)


def write(variant: Variant, seed: int) -> None:
    path = FOLDER / variant.file
    writer = GGUFWriter(path, variant.architecture)
    add_metadata(writer, variant)
    if variant.is_gemma:
        add_pieces(writer, variant)
    else:
        add_tokenizer(writer, variant)
    add_tensors(writer, variant, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{path.name}: {path.stat().st_size} bytes")
    if variant.repeats:
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes(), compresslevel=9, mtime=0))
        path.unlink()
        print(f"{packed.name}: {packed.stat().st_size} bytes")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for index, variant in enumerate(VARIANTS):
        write(variant, SEED + index)


if __name__ == "__main__":
    main()
