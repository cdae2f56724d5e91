import { DataError } from '../errors.ts';
import { createGainModel, type FittedGain, type GainParts } from './fit-gain.ts';
import { tabulate, type GainCounts } from './gain-table.ts';
import { GAIN_FEATURES, type GainNumber, type TextGain } from './gain-text.ts';

/** Where a gain was learnt, and so the only place where it says anything. */
export interface GainScope {
  readonly task: string;
  /** Ids of the models below and above. */
  readonly from: string;
  readonly to: string;
}

/** A gain model as JSON; schema: `models/schemas/gain.schema.json`. Labels are stored as counts, so that files add up. */
export interface GainFile {
  readonly version: 1;
  readonly kind: 'gain';
  readonly scope: GainScope;
  /** SHA-256 of the labels' file, or `null` where they never were one. */
  readonly dataSha256: string | null;
  /** Day of the fit, `YYYY-MM-DD`. */
  readonly date: string;
  readonly topics: readonly (GainCounts & { readonly topic: string })[];
  readonly text: GainTextFile | null;
}

export interface GainTextFile {
  /** Bucket and weight of each word that has one. */
  readonly weights: readonly (readonly [bucket: number, weight: number])[];
  readonly numbers: readonly GainNumber[];
}

export interface GainFacts {
  readonly scope: GainScope;
  readonly dataSha256: string | null;
  readonly date: string;
}

/** A weight this small moves no decision. */
const DECIMALS = 1e4;
const COUNTS = ['labels', 'wrong', 'rescued', 'harmed'] as const;

/** A fitted model as JSON. */
export function writeGain({ parts }: FittedGain, facts: GainFacts): GainFile {
  return {
    version: 1,
    kind: 'gain',
    ...facts,
    topics: Array.from(parts.table.topics, ([topic, counts]) => ({ topic, ...counts })),
    text: parts.text === null ? null : writeText(parts.text),
  };
}

/**
 * A model from JSON.
 *
 * @throws DataError `bad-calibration` when it is no gain file; `calibration-mismatch` when it was
 * learnt for another task or other models.
 */
export function readGain(value: unknown, scope: GainScope): FittedGain {
  const file = checkFile(value);
  for (const key of ['task', 'from', 'to'] as const) {
    if (file.scope[key] === scope[key]) continue;
    throw new DataError(
      'calibration-mismatch',
      `This gain was learnt for ${key} "${file.scope[key]}", not "${scope[key]}": learn one on labels of that.`,
      { details: { key, learntFor: file.scope[key], wanted: scope[key] } },
    );
  }
  const topics = file.topics.map(({ topic, ...counts }) => [topic, counts] as const);
  const parts: GainParts = {
    table: tabulate(new Map(topics)),
    text: file.text === null ? null : readText(file.text),
  };
  return createGainModel(parts);
}

function writeText({ weights, numbers }: TextGain): GainTextFile {
  const round = (weight: number): number => Math.round(weight * DECIMALS) / DECIMALS;
  return {
    weights: Array.from(weights, (weight, bucket) => [bucket, round(weight)] as const).filter(
      ([, weight]) => weight !== 0,
    ),
    numbers,
  };
}

function readText({ weights, numbers }: GainTextFile): TextGain {
  const dense = new Float64Array(GAIN_FEATURES.buckets);
  for (const [bucket, weight] of weights) dense[bucket] = weight;
  return { weights: dense, numbers };
}

function checkFile(value: unknown): GainFile {
  const file = asObject(value, 'the file');
  if (file['version'] !== 1 || file['kind'] !== 'gain') fail('version 1 and kind "gain"');
  const scope = asObject(file['scope'], 'scope');
  if (![scope['task'], scope['from'], scope['to']].every((part) => typeof part === 'string')) {
    fail('a scope with task, from and to');
  }
  if (!Array.isArray(file['topics']) || !file['topics'].every(isTopic)) fail('counts by topic');
  if (file['text'] !== null && !isText(file['text'])) fail('text weights, or null');
  return value as GainFile;
}

function isTopic(value: unknown): boolean {
  const row = asObject(value, 'a topic');
  const [labels = 0, wrong = 0, rescued = 0, harmed = 0] = COUNTS.map((key) => Number(row[key]));
  const isWhole = COUNTS.every((key) => Number.isInteger(row[key]) && Number(row[key]) >= 0);
  const adds = wrong <= labels && rescued <= wrong && harmed <= labels - wrong;
  return typeof row['topic'] === 'string' && isWhole && adds;
}

function isText(value: unknown): boolean {
  const { weights, numbers } = asObject(value, 'text');
  return (
    Array.isArray(weights) &&
    weights.every(isWeight) &&
    Array.isArray(numbers) &&
    numbers.every(isNumber)
  );
}

function isWeight(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [bucket, weight] = value as readonly unknown[];
  const isBucket = Number.isInteger(bucket) && Number(bucket) >= 0;
  return isBucket && Number(bucket) < GAIN_FEATURES.buckets && Number.isFinite(weight);
}

function isNumber(value: unknown): boolean {
  const row = asObject(value, 'a number');
  const { name, mean, deviation, weight } = row;
  const isFinite = [mean, deviation, weight].every((part) => Number.isFinite(part));
  return typeof name === 'string' && isFinite && Number(deviation) > 0;
}

function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return fail(`an object for ${what}`);
  return value as Readonly<Record<string, unknown>>;
}

function fail(wanted: string): never {
  throw new DataError(
    'bad-calibration',
    `This is no gain file: it needs ${wanted}. Make one with edgewise evaluate route --gain-out FILE.`,
  );
}
