import { ModelError } from '../errors.ts';
import type { FeatureSettings } from './features.ts';

/** What the file of an n-gram student says of itself, as JSON at its start. */
export interface NgramHeader {
  readonly version: 1;
  readonly kind: 'ngram';
  readonly labels: readonly string[];
  readonly features: FeatureSettings;
  readonly bitsPerWeight: 4 | 8;
  /** Scores are divided by it before the softmax. */
  readonly temperature: number;
  /** Training rows with text, counted anew by each later training. */
  readonly trainedRows: number;
  readonly seed: number;
  /** Typical scores kept of each label, see typical-scores.ts; 0 = none. */
  readonly typicalPerLabel: number;
}

/** An opened file. Arrays are views of its bytes. */
export interface NgramFile {
  readonly header: NgramHeader;
  /** One per label. */
  readonly biases: Float32Array;
  /** One per bucket, see `scaleOf`. */
  readonly scaleCodes: Uint8Array;
  /** Bucket after bucket; a bucket has `rowBytes` bytes. */
  readonly weights: Uint8Array;
  readonly rowBytes: number;
  /** Whole numbers: label after label, `typicalPerLabel` rows each, as long as there are labels. */
  readonly typical: Int8Array;
}

/** Dense parameters, as training makes them. */
export interface NgramParameters {
  readonly biases: Float32Array;
  /** `weights[bucket × labels + label]`. */
  readonly weights: Float32Array;
}

const MAGIC = 0x474e5745; // "EWNG" in little-endian order
const PREFIX_BYTES = 8;
/** 24 bits: far above what training chooses, and the arrays stay below the limits of a page. */
const MAX_BUCKETS = 2 ** 24;
/** A step between two scales: 2^(1/8) is 9 %, so 255 of them span 31 octaves. */
const SCALE_STEPS_PER_OCTAVE = 8;
const LARGEST_SCALE = 2 ** 7;
/** Code of a bucket whose weights are all 0. */
const NO_WEIGHTS = 255;

/** What one step of a bucket's whole numbers is worth. */
export function scaleOf(code: number): number {
  return code === NO_WEIGHTS ? 0 : LARGEST_SCALE * 2 ** (-code / SCALE_STEPS_PER_OCTAVE);
}

/** Weight of one label in one bucket as a whole number, to be multiplied by the bucket's scale. */
export function readWeights(file: NgramFile, bucket: number, into: Int8Array): void {
  const start = bucket * file.rowBytes;
  if (file.header.bitsPerWeight === 8) {
    for (let label = 0; label < into.length; label += 1) {
      into[label] = file.weights[start + label] ?? 0;
    }
    return;
  }
  for (let label = 0; label < into.length; label += 1) {
    const pair = file.weights[start + (label >> 1)] ?? 0;
    // The upper or lower half of the byte, its sign spread over the whole number.
    into[label] = label % 2 === 0 ? (pair << 28) >> 28 : (pair << 24) >> 28;
  }
}

/** Opens a file. @throws ModelError `bad-format` naming what is wrong. */
export function openNgramFile(bytes: Uint8Array): NgramFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw badFile('it does not start as a student does');
  }
  const headerBytes = view.getUint32(4, true);
  if (headerBytes > bytes.length - PREFIX_BYTES) throw badFile('it is cut off in its header');
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  const { labels, features, bitsPerWeight, typicalPerLabel } = header;
  const rowBytes = rowBytesOf(labels.length, bitsPerWeight);
  const scalesAt = PREFIX_BYTES + headerBytes + labels.length * 4;
  const weightsAt = scalesAt + features.buckets;
  const typicalAt = weightsAt + features.buckets * rowBytes;
  const end = typicalAt + typicalPerLabel * labels.length ** 2;
  if (bytes.length !== end) {
    throw badFile(`it has ${bytes.length} bytes where its header means ${end}`);
  }
  // Read one by one: a view would have to start at a multiple of 4.
  const biases = Float32Array.from(labels, (_, label) =>
    view.getFloat32(PREFIX_BYTES + headerBytes + label * 4, true),
  );
  if (!biases.every((bias) => Number.isFinite(bias))) throw badFile('a bias is no number');
  return {
    header,
    biases,
    scaleCodes: bytes.subarray(scalesAt, weightsAt),
    weights: bytes.subarray(weightsAt, typicalAt),
    rowBytes,
    typical: Int8Array.from(bytes.subarray(typicalAt), (byte) => (byte << 24) >> 24),
  };
}

/** The bytes of a student. Weights are rounded to whole numbers with one scale per bucket. */
export function packNgramFile(
  facts: Omit<NgramHeader, 'version' | 'kind' | 'typicalPerLabel'>,
  { biases, weights }: NgramParameters,
  typical: Int8Array,
): Uint8Array {
  const typicalPerLabel = typical.length / facts.labels.length ** 2;
  const header: NgramHeader = { version: 1, kind: 'ngram', ...facts, typicalPerLabel };
  const head = new TextEncoder().encode(JSON.stringify(header));
  const { buckets } = facts.features;
  const rowBytes = rowBytesOf(facts.labels.length, facts.bitsPerWeight);
  const scalesAt = PREFIX_BYTES + head.length + biases.length * 4;
  const weightsAt = scalesAt + buckets;
  const typicalAt = weightsAt + buckets * rowBytes;
  const bytes = new Uint8Array(typicalAt + typical.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, head.length, true);
  bytes.set(head, PREFIX_BYTES);
  for (const [label, bias] of biases.entries()) {
    view.setFloat32(PREFIX_BYTES + head.length + label * 4, bias, true);
  }
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const row = weights.subarray(bucket * biases.length, (bucket + 1) * biases.length);
    const start = weightsAt + bucket * rowBytes;
    const into = bytes.subarray(start, start + rowBytes);
    bytes[scalesAt + bucket] = packRow(row, facts.bitsPerWeight, into);
  }
  bytes.set(typical, typicalAt);
  return bytes;
}

/** All weights of a file as plain numbers, with room for more labels. */
export function unpackWeights(file: NgramFile, labelCount: number): Float32Array {
  const known = file.header.labels.length;
  const { buckets } = file.header.features;
  const weights = new Float32Array(buckets * labelCount);
  const row = new Int8Array(known);
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const scale = scaleOf(file.scaleCodes[bucket] ?? NO_WEIGHTS);
    if (scale === 0) continue;
    readWeights(file, bucket, row);
    for (const [label, weight] of row.entries()) {
      weights[bucket * labelCount + label] = weight * scale;
    }
  }
  return weights;
}

function rowBytesOf(labels: number, bitsPerWeight: 4 | 8): number {
  return bitsPerWeight === 8 ? labels : Math.ceil(labels / 2);
}

/** Gives the scale's code: the smallest scale on the grid at which no weight is cut off. */
function packRow(row: Float32Array, bitsPerWeight: 4 | 8, into: Uint8Array): number {
  const most = 2 ** (bitsPerWeight - 1) - 1;
  const largest = row.reduce((max, weight) => Math.max(max, Math.abs(weight)), 0);
  const octaves = Math.log2((LARGEST_SCALE * most) / largest);
  const code = Math.max(0, Math.floor(octaves * SCALE_STEPS_PER_OCTAVE));
  if (largest === 0 || code >= NO_WEIGHTS) return NO_WEIGHTS;
  const scale = scaleOf(code);
  for (const [label, weight] of row.entries()) {
    const rounded = Math.max(-most, Math.min(most, Math.round(weight / scale)));
    if (bitsPerWeight === 8) into[label] = rounded;
    else into[label >> 1] = (into[label >> 1] ?? 0) | ((rounded & 15) << ((label % 2) * 4));
  }
  return code;
}

function parseHeader(bytes: Uint8Array): NgramHeader {
  let header: Partial<NgramHeader>;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) ?? {};
  } catch (cause) {
    throw badFile('its header is no JSON', cause);
  }
  if (header.version !== 1 || header.kind !== 'ngram') {
    throw badFile('it is of a version or kind that this release does not know');
  }
  const problem = findProblem(header);
  if (problem !== null) throw badFile(`its header has a wrong "${problem}"`);
  return header as NgramHeader;
}

/** Name of the first field that would make reading go wrong. */
function findProblem(header: Partial<NgramHeader>): string | null {
  const { labels, features, bitsPerWeight, temperature, typicalPerLabel } = header;
  const areLabels = Array.isArray(labels) && labels.every((label) => typeof label === 'string');
  if (!areLabels || labels.length === 0) return 'labels';
  if (!isCount(features?.buckets, 1, MAX_BUCKETS)) return 'features.buckets';
  const [shortest, longest] = features?.characterGrams ?? [];
  if (!isCount(shortest, 1, 16) || !isCount(longest, shortest ?? 1, 16)) {
    return 'features.characterGrams';
  }
  if (!isCount(features?.wordGrams, 0, 8)) return 'features.wordGrams';
  if (!isCount(features?.pairWindow, 0, 64)) return 'features.pairWindow';
  if (bitsPerWeight !== 4 && bitsPerWeight !== 8) return 'bitsPerWeight';
  if (!(typeof temperature === 'number' && temperature > 0)) return 'temperature';
  return isCount(typicalPerLabel, 0, 255) ? null : 'typicalPerLabel';
}

function isCount(value: unknown, from: number, to: number): boolean {
  return Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
}

function badFile(problem: string, cause?: unknown): ModelError {
  return new ModelError(
    'bad-format',
    `The student cannot be read: ${problem}. Get it again, or train it with \`npx --no-install edgewise distil\`.`,
    cause === undefined ? {} : { cause },
  );
}
