"""Token ids from an independent library for many awkward strings.

The Rust `tokenizers` library, fed from a model file's own metadata, encodes each string twice: as
plain text (special tokens in it are characters) and with special tokens recognised. Chat templates
are rendered by the Python library jinja2.

    python3 -m venv .cache/python && .cache/python/bin/pip install -r scripts/requirements.txt
    .cache/python/bin/python scripts/tokenizer-vectors.py models/fixture/tiny.gguf \
        test/golden/tokenizer-vectors-tiny.json --pre-tokenizers
    .cache/python/bin/python scripts/tokenizer-vectors.py MODEL.gguf \
        test/golden/tokenizer-vectors.json

    .cache/python/bin/python scripts/tokenizer-vectors.py GEMMA.gguf \
        test/golden/tokenizer-vectors-gemma.json

MODEL.gguf is the default model (`edgewise pull` keeps it as ~/.cache/edgewise/models/<sha256>.gguf).
Shape of the result:

    { model: { file, sha256, sizeBytes },
      strings: [{ text, tokens, special?, preTokenizers?: { NAME: tokens } }],
      conversations: [{ messages, tokens }] }

`special` is there when recognising special tokens gives other ids; `preTokenizers` holds the ids
that the same vocabulary gives under other ways of cutting words (fixture only). Lone surrogates are
written as JSON escapes and expected to encode as U+FFFD.
"""

import json
import random
import sys
from pathlib import Path

from gguf import GGUFReader
from tokenizers import Regex, pre_tokenizers

from reference_tokenizer import ReferenceTokenizer, describe_model

SEED = 4711
FUZZ_STRINGS = 160
CONVERSATIONS = 40

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
STRINGS = {
    "plain": [
        "",
        "a",
        "Hello",
        "Hello world",
        " Hello world",
        "Hello, world! How are you today?",
        "The meeting is on Thursday, not on Tuesday.",
        "I'm sure you've seen that they're late; we'll wait, she'd said, it's fine, don't worry.",
        "I'M SURE YOU'VE SEEN IT'S",
        "it’s “quoted” — with dashes – and ellipsis…",
        "ALL CAPITALS AND mIxEd CaSe",
        "under_score kebab-case camelCase PascalCase dot.case",
        "e-mail: first.last+tag@example.com, https://example.com/a/b?c=d&e=%20#f",
        "pneumonoultramicroscopicsilicovolcanoconiosis",
        "Donaudampfschifffahrtsgesellschaftskapitän",
        "a" * 300,
        "ab" * 200,
        "word" * 80,
        "." * 100,
        "-=" * 50,
        "!?!?!?",
        "(((([[[[{{{{<<<<",
        "'s't'd'll",
        "' s",
        "''''",
        "don''t",
        "a'b'c",
    ],
    "white space": [
        " ",
        "  ",
        "   ",
        " " * 17,
        " " * 100,
        "\n",
        "\n\n",
        "\n\n\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\t",
        "\t\t\t",
        " \n ",
        "\n \n",
        " \t \n \t ",
        "a  b",
        "a   b    c     d",
        "a\nb",
        "a\n\nb",
        "a \n b",
        "trailing ",
        "trailing   ",
        "trailing\n",
        "   leading",
        "\n\n   leading",
        "\u00a0",
        "a\u00a0b",
        "a\u00a0\u00a0b",
        "\u2003wide\u2003space\u2003",
        "\u3000全角\u3000スペース",
        "\u2028line\u2029paragraph",
        "\u0085next line\u0085",
        "a\u0085b",
        "\ufeffbyte order mark",
        "a\ufeffb",
        "\u200bzero\u200bwidth\u200b",
        "\u180emongolian",
        "\u000b\u000c",
        "\x1c\x1d\x1e\x1f separators",
        "1 \u2009 2",
    ],
    "digits": [
        "0",
        "42",
        "1234567890",
        "3.14159",
        "1,234,567.89",
        "24.11.2026",
        "2026-11-24T08:20:00Z",
        "+49 (0)30 1234-5678",
        "100%",
        "a1b2c3",
        " 1 2 3",
        "x²",
        "x²³",
        "½ cup",
        "1½ cups, ¾ done",
        "①②③",
        "Ⅷ",
        "٣٤٥",
        "السنة ٢٠٢٦",
        "१२३",
        "１２３",
        "三百二十一",
        "10⁻⁹",
        "H₂O",
        "1️⃣2️⃣",
        "𝟙𝟚𝟛",
        "v1.2.3-rc.4",
        "0x1F 0b101 1e-9",
        "৪৫ টাকা",
        "༳",
        "二〇二六年",
    ],
    "emoji": [
        "😀",
        "😀😃😄",
        "Hi 👋",
        "👍🏽",
        "👍🏻👍🏼👍🏽👍🏾👍🏿",
        "👩‍👩‍👧‍👦",
        "👨🏿‍💻",
        "🏳️‍🌈",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "🇩🇪",
        "🇩🇪🇫🇷🇯🇵",
        "❤️",
        "❤",
        "☺️",
        "🧑‍🤝‍🧑",
        "a😀b",
        "😀 😀",
        "  😀",
        "🫠🫡🫥",
        "©®™",
        "→ ← ↑ ↓ ⇒",
        "✅ done ❌ not",
    ],
    "scripts": [
        "今天天气很好",
        "我们一起去公园，好吗？",
        "日本語のテキストです。",
        "カタカナとひらがな",
        "ｶﾀｶﾅ",
        "한국어 텍스트입니다.",
        "ㅎㅏㄴ",
        "Привет, как дела?",
        "Γειά σου Κόσμε",
        "ΣΊΣΥΦΟΣ ς σ",
        "مرحبا بالعالم",
        "السَّلَامُ عَلَيْكُم",
        "שלום עולם",
        "שָׁלוֹם",
        "abc שלום def",
        "\u202eright to left\u202c",
        "\u200fRLM\u200e",
        "สวัสดีชาวโลก",
        "नमस्ते दुनिया",
        "தமிழ் மொழி",
        "ქართული",
        "Հայերեն",
        "አማርኛ",
        "ខ្មែរ",
        "Tiếng Việt rất hay",
        "İstanbul ıIiİ",
        "Größe, Fuß, Übermut, ÄÖÜ",
        "Façade naïve cœur Noël",
        "e\u0301 vs é",
        "a\u0300\u0301\u0302\u0303",
        "Z̸̢̛a̷l̵g̶o̴",
        "ſ 'ſ ﬁ ﬂ ǆ",
        "𐍈𐌰𐌿𐍂",
        "𝒜𝓁𝓅𝒽𝒶",
        "Ａｌｐｈａ",
        "\U0001f1e6\U0001f1e6",
        "\u0378 unassigned",
        "\ue000 private use",
        "\U00050000 plane five",
        "\U0010ffff last",
        "\ufffd replacement",
        "\ufffe\uffff",
        "☃ snowman",
        "ℵ₀ ∑ ∫ √2 ≤ ∞",
    ],
    "control": ["\x00", "\x01\x02\x03", "\x04", "a\x04b", "\x06\x07\x08", "\x7f", "\x80\x9f", "\x1b[31mred\x1b[0m"],
    "code": [
        "def add(a, b):\n    return a + b\n",
        "if (a && b || !c) { return [1, 2, 3].map((x) => x * 2); }",
        "for (int i = 0; i < n; i++) {\n\tsum += values[i];\n}\n",
        "SELECT id, name FROM users WHERE age >= 18 ORDER BY name DESC;",
        '<div class="box" id="main"><p>text</p></div>',
        '{"key": ["value", 1, true, null], "nested": {"a": {}}}',
        "# Heading\n\n- item **bold** _italic_ `code`\n- [link](url)\n\n```js\nlet x;\n```",
        "C:\\Users\\name\\file.txt",
        "git commit -m 'message' && npm run build -- --watch",
        "a = b ? c : d; // comment /* inner */",
        "\\n \\t \\u0041 \\\\",
        "        deeply indented",
        "\tif x:\n\t\tpass\n",
        "let re = /^[a-z]+\\d{2,}$/giu;",
        "$HOME ${HOME} %PATH% #{x} {{ y }} {% z %}",
        "x->y::z<T>&*ptr",
        "&amp;&lt;&gt;&nbsp;",
        "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
    "special": [
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
        "<|im_start|>user\nHi<|im_end|>\n",
        "a<|im_end|>b",
        " <|im_end|> ",
        "<|im_end|><|im_end|>",
        "<|im_start|",
        "|im_start|>",
        "<|IM_START|>",
        "<| im_start |>",
        "<|im_<|im_start|>start|>",
        "<repo_name>x<file_sep>y<filename>",
        "<empty_output>",
        "<jupyter_code>print(1)",
        "I typed <|endoftext|> by hand 12²",
        "<|unknown|>",
        "<s></s>[INST][/INST]",
        "\n<|im_start|>\n",
        "😀<|im_end|>😀",
    ],
    "surrogates": [
        "\ud800",
        "\udc00",
        "a\ud83d",
        "\ude00b",
        "a\ud83db",
        "\udc00\ud800",
        "\ud83d\ud83d",
        "x\ud83d y\ude00 z",
        "\ud83d<|im_end|>\ude00",
        "12\ud80034",
    ],
}

FUZZ_PIECES = [
    *"abcdefghijklmnopqrstuvwxyzABCXYZ0123456789",
    *" \n\t\r.,;:!?'\"()[]{}<>|/\\-_=+*&%$#@~^`",
    *"äöüßéèçñøåæœ¿¡²³½¼①٣१",
    *"今天的是日本語한국어привлгαβγשלוםمرحبا",
    *"😀👍🏽❤🇩🇪🎉\u200d\ufe0f\u00a0\u3000\u200b\u0301\u0085\ufeff",
    "the",
    " the",
    " and",
    "ing",
    "tion",
    "'s",
    "'ll",
    "  ",
    "\n\n",
    "<|im_start|>",
    "<|im_end|>",
    "\ud800",
    "\udfff",
]


def fuzz_strings() -> list[str]:
    rng = random.Random(SEED)
    return [
        "".join(rng.choice(FUZZ_PIECES) for _ in range(rng.randint(1, 60)))
        for _ in range(FUZZ_STRINGS)
    ]


def all_strings() -> list[str]:
    """Surrogates that meet become one character, as they do when JavaScript reads the JSON."""
    texts = [text for group in STRINGS.values() for text in group] + fuzz_strings()
    joined = (text.encode("utf-16-le", "surrogatepass") for text in texts)
    return [text.decode("utf-16-le", "surrogatepass") for text in joined]


def all_conversations() -> list[list[dict[str, str]]]:
    """Ordinary text only: what becomes of special tokens inside a message is ours to define."""
    rng = random.Random(SEED + 1)
    groups = ("plain", "white space", "digits", "emoji", "scripts", "code")
    texts = [text for group in groups for text in STRINGS[group]]
    result = []
    for index in range(CONVERSATIONS):
        system = [{"role": "system", "content": rng.choice(texts)}] if index % 3 == 0 else []
        turns = []
        for turn in range(1 + 2 * rng.randint(0, 2)):
            content = "".join(rng.choice(texts)[:120] for _ in range(rng.randint(1, 3)))
            turns.append({"role": "assistant" if turn % 2 else "user", "content": content})
        result.append(system + turns)
    return result


def other_tokenizers(reference: ReferenceTokenizer) -> dict:
    """The same vocabulary under other ways of cutting words."""
    gpt2, llama = reference.build(with_special=False), reference.build(with_special=False)
    gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    llama.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_WORDS), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    llama.model.ignore_merges = True
    return {"gpt-2": gpt2, "llama-bpe": llama}


def describe_string(reference: ReferenceTokenizer, others: dict, text: str) -> dict:
    tokens, special = reference.encode(text), reference.encode(text, allow_special=True)
    row = {"text": text, "tokens": tokens}
    if special != tokens:
        row["special"] = special
    if others:
        clean = reference.clean(text)
        row["preTokenizers"] = {
            name: other.encode(clean, add_special_tokens=False).ids for name, other in others.items()
        }
    return row


def describe_conversation(reference: ReferenceTokenizer, messages: list[dict[str, str]]) -> dict:
    tokens = reference.encode(reference.render(messages), allow_special=True)
    return {"messages": messages, "tokens": tokens}


def main() -> None:
    if len(sys.argv) not in (3, 4):
        raise SystemExit(
            "Use: python scripts/tokenizer-vectors.py MODEL.gguf OUT.json [--pre-tokenizers]"
        )
    path, target = Path(sys.argv[1]), Path(sys.argv[2])
    reference = ReferenceTokenizer(GGUFReader(path))
    others = other_tokenizers(reference) if "--pre-tokenizers" in sys.argv else {}
    strings = [describe_string(reference, others, text) for text in all_strings()]
    talks = all_conversations() if reference.template is not None else []
    conversations = [describe_conversation(reference, talk) for talk in talks]

    def lines(rows: list[dict]) -> str:
        return ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)

    about = json.dumps(describe_model(path))
    target.write_text(
        '{"model":' + about + ',\n"strings":[\n' + lines(strings)
        + '\n],\n"conversations":[\n' + lines(conversations) + "\n]}\n"
    )
    print(f"{target.name}: {len(strings)} strings, {len(conversations)} conversations")


if __name__ == "__main__":
    main()
