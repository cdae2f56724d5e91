"""Writes what the shipped student must answer, from its file alone and without our code.

    python3 scripts/student-golden.py models/students/banking77/banking77.student test/golden/student.json

Plain Python, double precision. The formulas stand in docs/students.md.
"""

import json
import math
import struct
import sys
import unicodedata

TEXTS = [
    "My card has still not arrived",
    "WHERE IS MY CARD???",
    "how do I change my PIN",
    "I was charged twice for one payment, please help",
    "the exchange rate you applied to my withdrawal is wrong",
    "can I top up with Apple Pay or Google Pay?",
    "someone stole my phone and I cannot log in",
    "please close my account",
    "what's the weather like in Lisbon tomorrow",
    "play some jazz",
    "card",
    "a",
    "Wo bleibt meine Karte? Überweisung fällig!",
    "où est ma carte, s'il vous plaît",
    "我的卡在哪里 card 还没到",
    "カードはどこですか",
    "أين بطاقتي؟",
    "मेरा कार्ड कहाँ है",
    "ｃａｒｄ ｐａｙｍｅｎｔ ﬁnally declined ①",
    "Cafe\u0301 payment pending since 3 days and 3 days and 3 days",
    "𝓬𝓪𝓻𝓭 payment 𐐀𐐨",
    "transfer " * 400 + "failed",
]

MAX_TEXT_UNITS = 10_000
WORD_SEED, RUN_SEED, PAIR_SEED, CHARACTER_SEED = 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344
MASK = 0xFFFFFFFF


def units(text):
    data = text.encode("utf-16-le", "surrogatepass")
    return list(struct.unpack(f"<{len(data) // 2}H", data))


def is_alone(character):
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA LETTER", "KATAKANA LETTER"))


def split_words(text):
    read = text.encode("utf-16-le")[: 2 * MAX_TEXT_UNITS].decode("utf-16-le")
    read = unicodedata.normalize("NFKC", read).lower()
    words, word = [], ""
    for character in read + " ":
        inside = unicodedata.category(character)[0] in "LMN"
        if inside and not is_alone(character):
            word += character
            continue
        if word:
            words.append(word)
        word = ""
        if inside:
            words.append(character)
    return words


def mix(value, other):
    return ((value ^ other) * 0x01000193) & MASK


def scramble(value):
    value ^= value >> 16
    value = (value * 0x85EBCA6B) & MASK
    value ^= value >> 13
    value = (value * 0xC2B2AE35) & MASK
    return value ^ (value >> 16)


def count_buckets(text, features):
    counts = {}

    def count(value):
        bucket = scramble(value) % features["buckets"]
        counts[bucket] = counts.get(bucket, 0) + 1

    words = split_words(text)
    hashes = []
    for word in words:
        value = WORD_SEED
        for unit in units(word):
            value = mix(value, unit)
        hashes.append(value)
    for start, first in enumerate(hashes):
        run = RUN_SEED
        for value in hashes[start : start + features["wordGrams"]]:
            run = mix(run, value)
            count(run)
        for second in hashes[start + 1 : start + 1 + features["pairWindow"]]:
            if second != first:
                count((mix(PAIR_SEED, first) + mix(PAIR_SEED, second)) & MASK)
    shortest, longest = features["characterGrams"]
    for word in words:
        padded = [0x20, *units(word), 0x20]
        for start in range(len(padded)):
            value = CHARACTER_SEED
            for size, unit in enumerate(padded[start : start + longest], 1):
                value = mix(value, unit)
                if size >= shortest:
                    count(value ^ size)
    return counts


class Student:
    def __init__(self, data):
        magic, header_bytes = struct.unpack_from("<4sI", data)
        assert magic == b"EWNG"
        self.header = json.loads(data[8 : 8 + header_bytes])
        assert self.header["bitsPerWeight"] == 4
        self.labels = self.header["labels"]
        count, buckets = len(self.labels), self.header["features"]["buckets"]
        position = 8 + header_bytes
        self.biases = struct.unpack_from(f"<{count}f", data, position)
        position += 4 * count
        self.scales = data[position : position + buckets]
        position += buckets
        self.row_bytes = (count + 1) // 2
        self.weights = data[position : position + buckets * self.row_bytes]
        position += buckets * self.row_bytes
        rows = self.header["typicalPerLabel"] * count
        values = struct.unpack_from(f"<{rows * count}b", data, position)
        self.typical = [values[row * count : (row + 1) * count] for row in range(rows)]
        assert position + rows * count == len(data)

    def row(self, bucket):
        scale = 0 if self.scales[bucket] == 255 else 2 ** (7 - self.scales[bucket] / 8)
        pairs = self.weights[bucket * self.row_bytes : (bucket + 1) * self.row_bytes]
        halves = [half for pair in pairs for half in (pair & 15, pair >> 4)]
        return [scale * (half - 16 if half > 7 else half) for half in halves[: len(self.labels)]]

    def answer(self, text):
        counts = count_buckets(text, self.header["features"])
        values = {bucket: 1 + math.log(count) for bucket, count in counts.items()}
        length = math.sqrt(sum(value**2 for value in values.values()))
        scores = list(self.biases)
        rows = {bucket: self.row(bucket) for bucket in values}
        for bucket, value in values.items():
            for label, weight in enumerate(rows[bucket]):
                scores[label] += value / length * weight
        largest = max(scores)
        powers = [math.exp((score - largest) / self.header["temperature"]) for score in scores]
        shares = [power / sum(powers) for power in powers]
        best = shares.index(max(shares))
        top, second = sorted(shares, reverse=True)[:2]
        backed = sum((value / length) ** 2 for bucket, value in values.items() if rows[bucket][best] > 0)
        return {
            "text": text,
            "label": self.labels[best],
            "topProbability": top,
            "margin": top - second,
            "trainingDistance": self.distance(scores, best, top, backed),
        }

    def distance(self, scores, best, top, backed):
        mean = sum(scores) / len(scores)
        shape = [score - mean for score in scores]
        length = math.hypot(*shape)
        per_label = self.header["typicalPerLabel"]
        own, other = -math.inf, -math.inf
        for index, row in enumerate(self.typical):
            if not any(row):
                continue
            likeness = sum(a * b for a, b in zip(row, shape)) / math.hypot(*row) / length
            if index // per_label == best:
                own = max(own, likeness)
            else:
                other = max(other, likeness)
        top = min(1 - 1e-6, max(1e-6, top))
        return 1 / (1 + math.exp(known(math.log(top / (1 - top)), own, own - other, backed)))


def known(logit, own, lead, backed):
    return 0.35 * logit + 6.4 * own + 3.8 * lead - 7


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        student = Student(file.read())
    rows = [student.answer(text) for text in TEXTS]
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"student": source, "rows": rows}, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
