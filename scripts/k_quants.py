"""Writes ggml's types of 256 columns a block: Q4_K, Q5_K and Q6_K.

The gguf package reads them but does not write them. Plain rounding, no search for better scales: good
enough for random weights, and it fills every field of the blocks. Each function takes f32 rows whose
length is a multiple of 256 and gives the bytes of the blocks; layouts are those of ggml-common.h.
"""

import numpy as np

BLOCK = 256


def quantize_k(values: np.ndarray, type_name: str) -> np.ndarray:
    """uint8 rows as the GGUF writer wants them."""
    rows, columns = values.shape
    blocks = values.astype(np.float32).reshape(-1, BLOCK)
    packed = {"Q4_K": pack_q4, "Q5_K": pack_q5, "Q6_K": pack_q6}[type_name](blocks)
    return packed.reshape(rows, -1)


def pack_q4(blocks: np.ndarray) -> np.ndarray:
    head, levels = scales_and_mins(blocks, 15)
    return np.concatenate([head, nibbles(levels)], axis=1)


def pack_q5(blocks: np.ndarray) -> np.ndarray:
    head, levels = scales_and_mins(blocks, 31)
    # Bit s of byte k is the fifth bit of column k of part s.
    weights = (1 << np.arange(8)).astype(np.uint8)[None, :, None]
    high = ((levels >> 4) * weights).sum(axis=1).astype(np.uint8)
    return np.concatenate([head, high, nibbles(levels & 15)], axis=1)


def pack_q6(blocks: np.ndarray) -> np.ndarray:
    parts = blocks.reshape(-1, 16, 16)
    largest = np.abs(parts).max(axis=2)
    signs = np.where(np.arange(16) % 3 == 0, -1.0, 1.0)
    d = half(largest.max(axis=1) / 31 / 127)
    scales = np.clip(np.rint(largest * signs / 31 / d[:, None]), -128, 127).astype(np.int8)
    step = d[:, None] * scales
    levels = np.rint(parts / np.where(step == 0, 1, step)[:, :, None])
    levels = (np.clip(levels, -32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    low = (levels[:, :, :2] & 15) | ((levels[:, :, 2:] & 15) << 4)
    shifts = (np.arange(4) * 2).astype(np.uint8)[None, None, :, None]
    high = ((levels >> 4) << shifts).sum(axis=2).astype(np.uint8)
    return np.concatenate(
        [
            low.reshape(-1, 128),
            high.reshape(-1, 64),
            scales.view(np.uint8),
            half_bytes(d),
        ],
        axis=1,
    )


def scales_and_mins(blocks: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """The 16 bytes in front of a block, and levels of 0 to `top` as (blocks, 8 parts, 32)."""
    parts = blocks.reshape(-1, 8, 32)
    lowest = np.minimum(parts.min(axis=2), 0)
    ranges = (parts.max(axis=2) - lowest) / top
    d, d_min = half(ranges.max(axis=1) / 63), half(-lowest.min(axis=1) / 63)
    scales = np.clip(np.rint(ranges / d[:, None]), 0, 63).astype(np.uint8)
    mins = np.clip(np.rint(-lowest / d_min[:, None]), 0, 63).astype(np.uint8)
    step = (d[:, None] * scales)[:, :, None]
    offset = (d_min[:, None] * mins)[:, :, None]
    levels = np.rint((parts + offset) / np.where(step == 0, 1, step))
    packed = np.concatenate(
        [
            scales[:, :4] | ((scales[:, 4:] >> 4) << 6),
            mins[:, :4] | ((mins[:, 4:] >> 4) << 6),
            (scales[:, 4:] & 15) | ((mins[:, 4:] & 15) << 4),
        ],
        axis=1,
    )
    head = np.concatenate([half_bytes(d), half_bytes(d_min), packed], axis=1)
    return head, np.clip(levels, 0, top).astype(np.uint8)


def nibbles(levels: np.ndarray) -> np.ndarray:
    """Parts 0 and 1 share 32 bytes as low and high nibbles, then 2 and 3, and so on."""
    pairs = levels.reshape(-1, 4, 2, 32)
    return (pairs[:, :, 0] | (pairs[:, :, 1] << 4)).reshape(-1, 128)


def half(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float16).astype(np.float32)


def half_bytes(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float16).reshape(-1, 1).view(np.uint8)
