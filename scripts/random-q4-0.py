"""A GGUF of the same shapes with random Q4_0 weights where the source has Q4_1, for timing a peer in the
4-bit format it likes best. Never for text.

    python scripts/random-q4-0.py SOURCE.gguf TARGET.gguf
"""

import struct
import sys

import numpy as np
from gguf import GGUFReader, GGMLQuantizationType

ALIGNMENT = 32
BLOCK_BYTES = 18
COLUMNS = 32
# About the size of the real scales, so that nothing overflows or becomes denormal.
SCALE = 0.01


def main() -> None:
    source, target = sys.argv[1], sys.argv[2]
    reader = GGUFReader(source)
    infos_start = min(int(tensor.field.offset) for tensor in reader.tensors)
    with open(source, "rb") as file:
        head = file.read(infos_start)
    random = np.random.default_rng(1)
    infos, data = bytearray(), bytearray()
    for tensor in reader.tensors:
        kind, payload = int(tensor.tensor_type), tensor.data.tobytes()
        if kind == GGMLQuantizationType.Q4_1:
            blocks = int(np.prod(tensor.shape)) // COLUMNS
            rows = random.integers(0, 256, (blocks, BLOCK_BYTES), dtype=np.uint8)
            rows[:, :2] = np.frombuffer(np.float16(SCALE).tobytes(), dtype=np.uint8)
            kind, payload = int(GGMLQuantizationType.Q4_0), rows.tobytes()
        name = tensor.name.encode()
        infos += struct.pack("<Q", len(name)) + name + struct.pack("<I", len(tensor.shape))
        infos += b"".join(struct.pack("<Q", int(size)) for size in tensor.shape)
        infos += struct.pack("<IQ", kind, len(data))
        data += payload + b"\0" * (-len(payload) % ALIGNMENT)
    padding = b"\0" * (-(len(head) + len(infos)) % ALIGNMENT)
    with open(target, "wb") as file:
        file.write(head + infos + padding + data)


main()
