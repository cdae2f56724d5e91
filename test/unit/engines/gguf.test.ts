import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gguf } from '@huggingface/gguf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import type { GgufHeader } from '../../../src/engines/wasm/gguf.ts';
import { ModelError } from '../../../src/errors.ts';
import { f32, ggufBytes, text, u32, u64, valueBytes } from './gguf-bytes.ts';
import type { HandHeader, HandTensor } from './gguf-bytes.ts';

const F32 = 0;
const Q4_1 = 3;
const Q8_0 = 8;

const ENTRIES: HandHeader['entries'] = [
  ['general.architecture', valueBytes.text('llama')],
  ['llama.block_count', valueBytes.u32(30)],
  ['llama.rope.freq_base', valueBytes.f32(100_000)],
  ['tokenizer.ggml.add_bos_token', valueBytes.bool(false)],
  ['big', valueBytes.u64(2n ** 60n)],
  ['small', valueBytes.u64(7)],
  ['tokenizer.ggml.tokens', valueBytes.texts(['<s>', 'Ġthe', '😀x', '', '日本', '\uFEFFa'])],
  ['numbers', [...u32(9), ...u32(5), ...u64(3), ...u32(1), ...u32(-2), ...u32(3)]],
  ['nested', [...u32(9), ...u32(9), ...u64(2), ...nestedRow([1.5]), ...nestedRow([])]],
];
const TENSORS: readonly HandTensor[] = [
  { name: 'norm', shape: [64], type: F32, offset: 12_000 + 16 },
  { name: 'embedding', shape: [64, 100], type: Q8_0, offset: 0 },
  { name: 'matrix', shape: [64, 128], type: Q4_1, offset: 6816 },
];

function nestedRow(values: readonly number[]): number[] {
  return [...u32(6), ...u64(values.length), ...values.flatMap(f32)];
}

function read(bytes: Uint8Array, fileBytes?: number): GgufHeader {
  const reader = createGgufReader(fileBytes);
  return reader.push(bytes)?.header ?? reader.end();
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw error;
  }
  return 'no error';
}

function withTensor(tensor: Partial<HandTensor>): Uint8Array {
  const base = { name: 't', shape: [64], type: F32, offset: 0 };
  return ggufBytes({ tensors: [{ ...base, ...tensor }] });
}

describe('createGgufReader', () => {
  it('reads every kind of metadata value', () => {
    const { metadata, version } = read(ggufBytes({ entries: ENTRIES }));
    expect(version).toBe(3);
    expect(Object.fromEntries(metadata)).toEqual({
      'general.architecture': 'llama',
      'llama.block_count': 30,
      'llama.rope.freq_base': 100_000,
      'tokenizer.ggml.add_bos_token': false,
      big: 2n ** 60n,
      small: 7,
      'tokenizer.ggml.tokens': ['<s>', 'Ġthe', '😀x', '', '日本', '\uFEFFa'],
      numbers: new Int32Array([1, -2, 3]),
      nested: [new Float32Array([1.5]), new Float32Array([])],
    });
  });

  it('reads arrays nested four deep', () => {
    const value = [...u32(9), ...deepArray(4)];
    expect(read(ggufBytes({ entries: [['k', value]] })).metadata.get('k')).toEqual([
      [[new Uint8Array()]],
    ]);
  });

  it('gives the tensors in file order with their sizes', () => {
    const tensors = TENSORS.map((tensor) =>
      tensor.name === 'norm' ? { ...tensor, offset: 12_000 - (12_000 % 32) } : tensor,
    );
    const { tensors: found, dataOffset } = read(ggufBytes({ entries: ENTRIES, tensors }));
    expect(found).toEqual([
      { name: 'embedding', type: 'Q8_0', shape: [64, 100], offset: 0, sizeBytes: 6800 },
      { name: 'matrix', type: 'Q4_1', shape: [64, 128], offset: 6816, sizeBytes: 5120 },
      { name: 'norm', type: 'F32', shape: [64], offset: 12_000, sizeBytes: 256 },
    ]);
    expect(dataOffset % 32).toBe(0);
  });

  it('reads version 2 and an alignment of its own', () => {
    const bytes = ggufBytes({
      version: 2,
      entries: [['general.alignment', valueBytes.u32(64)]],
      tensors: [{ name: 't', shape: [16], type: F32, offset: 64 }],
      alignment: 64,
    });
    expect(read(bytes)).toMatchObject({ version: 2, alignment: 64, dataOffset: bytes.length });
  });

  it('gives the same header for pieces of any size and hands on the bytes after it', () => {
    const header = ggufBytes({ entries: ENTRIES, tensors: [TENSORS[1]!] });
    const file = new Uint8Array(header.length + 100).fill(9);
    file.set(header);
    const whole = read(file);
    for (const size of [1, 2, 7, 64, file.length]) {
      const reader = createGgufReader();
      const rest: number[] = [];
      for (let at = 0; at < file.length; at += size) {
        // A reused buffer, as a stream may hand out: the reader has to copy what it needs later.
        const piece = file.slice(at, at + size);
        rest.push(...(reader.push(piece)?.rest ?? []));
        piece.fill(0xff);
      }
      expect(reader.end()).toEqual(whole);
      expect(rest).toEqual(Array.from({ length: 100 }, () => 9));
    }
  });

  it('keeps strings that are not UTF-8 readable, with replacement characters', () => {
    const broken = [...u64(3), 0x61, 0xff, 0x62];
    const split = [...u64(1), 0xc3, ...u64(1), 0xa4];
    const value = [...u32(9), ...u32(8), ...u64(4), ...text('ok'), ...broken, ...split];
    const { metadata } = read(ggufBytes({ entries: [['tokens', value]] }));
    expect(metadata.get('tokens')).toEqual(['ok', 'a\uFFFDb', '\uFFFD', '\uFFFD']);
    const onlySplit = [...u32(9), ...u32(8), ...u64(2), ...split];
    expect(read(ggufBytes({ entries: [['t', onlySplit]] })).metadata.get('t')).toEqual([
      '\uFFFD',
      '\uFFFD',
    ]);
  });
});

describe('a wrong file', () => {
  it.each<[string, Uint8Array]>([
    ['is not GGUF', ggufBytes({ magic: 'GGML' })],
    ['is of version 1', ggufBytes({ version: 1 })],
    ['is of version 4', ggufBytes({ version: 4 })],
    ['is big-endian', ggufBytes({ version: 0x03000000 })],
    ['claims 2^40 entries', ggufBytes({ entryCount: 2n ** 40n })],
    ['claims 2^64-1 tensors', ggufBytes({ tensorCount: 2n ** 64n - 1n })],
    ['has a key of 2^30 bytes', new Uint8Array([...ggufBytes({ entryCount: 1 }), ...u64(2 ** 30)])],
    ['has a text of 2^62 bytes', ggufBytes({ entries: [['k', [...u32(8), ...u64(2n ** 62n)]]] })],
    ['has a text of 100 MiB', ggufBytes({ entries: [['k', [...u32(8), ...u64(100 * 2 ** 20)]]] })],
    ['has an unknown value type', ggufBytes({ entries: [['k', u32(13)]] })],
    [
      'has a huge array',
      ggufBytes({ entries: [['k', [...u32(9), ...u32(0), ...u64(2n ** 40n)]]] }),
    ],
    [
      'has a huge string array',
      ggufBytes({ entries: [['k', [...u32(9), ...u32(8), ...u64(2 ** 23)]]] }),
    ],
    [
      'has a text in an array of 2^50 bytes',
      ggufBytes({ entries: [['k', [...u32(9), ...u32(8), ...u64(1), ...u64(2n ** 50n)]]] }),
    ],
    ['nests arrays five deep', ggufBytes({ entries: [['k', [...u32(9), ...deepArray(5)]]] })],
    [
      'has a key twice',
      ggufBytes({
        entries: [
          ['k', valueBytes.u32(1)],
          ['k', valueBytes.u32(1)],
        ],
      }),
    ],
    ['has an odd alignment', ggufBytes({ entries: [['general.alignment', valueBytes.u32(48)]] })],
    ['has no alignment', ggufBytes({ entries: [['general.alignment', valueBytes.u32(0)]] })],
    [
      'has a text as alignment',
      ggufBytes({ entries: [['general.alignment', valueBytes.text('32')]] }),
    ],
    ['has a tensor without dimensions', withTensor({ shape: [] })],
    ['has a tensor of five dimensions', withTensor({ shape: [1, 1, 1, 1, 1] })],
    ['has an empty dimension', withTensor({ shape: [64, 0] })],
    ['has a shape past 2^53', withTensor({ shape: [2 ** 30, 2 ** 30] })],
    ['has a shape that wraps at 2^64', withTensor({ shape: [2 ** 32, 2 ** 32, 64] })],
    [
      'hides a huge shape behind a zero',
      withTensor({ shape: [2n ** 52n, 2n ** 52n, 2n ** 52n, 0] }),
    ],
    ['has a dimension past 2^53', withTensor({ shape: [2n ** 63n] })],
    ['has rows of half a block', withTensor({ shape: [48, 2], type: Q4_1 })],
    ['has an offset between alignments', withTensor({ offset: 8 })],
    ['has an offset past 2^53', withTensor({ offset: 2n ** 60n })],
    ['has a tensor name of 1 kB', withTensor({ name: 'n'.repeat(1000) })],
    [
      'has a tensor twice',
      ggufBytes({
        tensors: [
          { name: 't', shape: [8], type: F32, offset: 0 },
          { name: 't', shape: [8], type: F32, offset: 32 },
        ],
      }),
    ],
    [
      'has overlapping tensors',
      ggufBytes({
        tensors: [
          { name: 'b', shape: [8], type: F32, offset: 32 },
          { name: 'a', shape: [9], type: F32, offset: 0 },
        ],
      }),
    ],
  ])('that %s is refused as bad-format', (_, bytes) => {
    expect(codeOf(() => read(bytes))).toBe('bad-format');
  });

  it('is refused when a tensor reaches past its end', () => {
    const bytes = withTensor({});
    expect(read(bytes, bytes.length + 256).tensors).toHaveLength(1);
    expect(codeOf(() => read(bytes, bytes.length + 255))).toBe('bad-format');
  });

  it('names the tensor and the type it cannot read', () => {
    expect(() => read(withTensor({ name: 'blk.0.attn_q.weight', type: 11 }))).toThrow(
      /blk\.0\.attn_q\.weight.*Q3_K/u,
    );
    expect(codeOf(() => read(withTensor({ type: 10 })))).toBe('unsupported-tensor-type');
    expect(codeOf(() => read(withTensor({ type: 999 })))).toBe('unsupported-tensor-type');
  });

  it('stays refused when more bytes come', () => {
    const reader = createGgufReader();
    expect(codeOf(() => reader.push(ggufBytes({ version: 9 })))).toBe('bad-format');
    expect(codeOf(() => reader.push(new Uint8Array(8)))).toBe('bad-format');
    expect(codeOf(() => reader.end())).toBe('bad-format');
  });

  it('is refused wherever it is cut off', () => {
    const bytes = ggufBytes({ entries: ENTRIES, tensors: [TENSORS[1]!] });
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => read(bytes.subarray(0, length)))).toBe('bad-format');
    }
  });

  it('gives a ModelError or a header for any damage', () => {
    const bytes = ggufBytes({ entries: ENTRIES, tensors: [TENSORS[1]!, TENSORS[2]!] });
    const damage = fc.array(
      fc.tuple(fc.nat(bytes.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0xff))),
      { minLength: 1, maxLength: 6 },
    );
    let refused = 0;
    fc.assert(
      fc.property(damage, (edits) => {
        const broken = bytes.slice();
        for (const [at, value] of edits) broken[at] = value;
        if (codeOf(() => read(broken, 2 ** 20)) !== 'no error') refused++;
      }),
      { numRuns: 50_000 },
    );
    expect(refused).toBeGreaterThan(10_000);
  }, 30_000);
});

describe.each(['tiny.gguf', 'tiny-mixed.gguf'])('the fixture %s', (file) => {
  const path = fileURLToPath(new URL(`../../../models/fixture/${file}`, import.meta.url));

  it('reads as the independent reader of @huggingface/gguf does', async () => {
    const bytes = new Uint8Array(await readFile(path));
    const expected = await gguf(path, { allowLocalFile: true });
    const header = read(bytes, bytes.length);
    const { version, tensor_count: _, kv_count: __, ...metadata } = expected.metadata;
    expect(header.version).toBe(version);
    expect(plainValues(header.metadata)).toEqual(plainValues(new Map(Object.entries(metadata))));
    expect(BigInt(header.dataOffset)).toBe(expected.tensorDataOffset);
    const byOffset = expected.tensorInfos.toSorted((a, b) => Number(a.offset - b.offset));
    expect(header.tensors.map(({ name, shape, offset }) => ({ name, shape, offset }))).toEqual(
      byOffset.map(({ name, shape, offset }) => ({
        name,
        shape: shape.map(Number),
        offset: Number(offset),
      })),
    );
  });
});

/** An empty array of bytes inside `depth - 1` arrays. */
function deepArray(depth: number): number[] {
  if (depth === 1) return [...u32(0), ...u64(0)];
  return [...u32(9), ...u64(1), ...deepArray(depth - 1)];
}

/** Typed arrays and bigints of either reader as plain values. */
function plainValues(metadata: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as Int32Array, plain);
  }
  return value;
}
