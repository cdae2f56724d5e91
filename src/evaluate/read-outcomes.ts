import type { Outcome, OutcomeTier } from '../cascade/outcome.ts';
import { DataError } from '../errors.ts';

/** What a refusal calls the data, and where in them it is. */
interface Place {
  readonly source: string;
  readonly line: number;
}

type Fields = Readonly<Record<string, unknown>>;

const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * Outcomes from JSON lines, gzipped or not. Verdicts may be `true`, `false`, 1 or 0; `t` is the same
 * as `timeMs` and may be an ISO date; a row without an id is named after its line.
 *
 * @throws DataError `bad-row` with the line number; `too-few-rows` when there is none.
 */
export async function readOutcomes(bytes: Uint8Array, source = 'the outcomes'): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const text = await decodeText(bytes, source);
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() !== '') outcomes.push(parseOutcome(line, { source, line: index + 1 }));
  }
  if (outcomes.length === 0) {
    throw new DataError('too-few-rows', `${source} hold no rows: give one JSON object a line.`);
  }
  return outcomes;
}

/** One JSON line as an outcome; `place` names it in the error. */
function parseOutcome(line: string, place: Place): Outcome {
  const fields = parseObject(line, place);
  const features = readNumbers(fields, place);
  const cloudCorrect = readVerdict(fields, 'cloudCorrect', place);
  const deviceCorrect = readVerdict(fields, 'deviceCorrect', place);
  if (typeof deviceCorrect !== 'boolean') throw badRow(place, '"deviceCorrect" is missing');
  return {
    id: readId(fields, place),
    deviceCorrect,
    ...present('topic', readText(fields, 'topic', place)),
    ...present('text', readText(fields, 'text', place)),
    ...present('timeMs', readTime(fields, place)),
    ...present('features', features),
    ...present('score', readNumber(fields, 'score', place)),
    ...present('cloudCorrect', cloudCorrect),
    ...present('deviceCost', readCost(fields, 'deviceCost', place)),
    ...present('cloudCost', readCost(fields, 'cloudCost', place)),
    ...present('judge', readVerdict(fields, 'judge', place)),
    ...present('canary', readVerdict(fields, 'canary', place) ?? undefined),
    ...present('tiers', readTiers(fields, place)),
  };
}

/** Text of a file, unpacked when it is gzipped. */
export async function decodeText(bytes: Uint8Array, source: string): Promise<string> {
  const isPacked = bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1];
  try {
    const stream = new Blob([Uint8Array.from(bytes)]).stream();
    const plain = isPacked ? stream.pipeThrough(new DecompressionStream('gzip')) : stream;
    const unpacked = await new Response(plain).arrayBuffer();
    return new TextDecoder('utf-8', { fatal: true }).decode(unpacked);
  } catch (cause) {
    throw new DataError('bad-row', `${source} cannot be read: not UTF-8, or a damaged gzip file.`, {
      cause,
    });
  }
}

function present<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

function parseObject(line: string, place: Place): Fields {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Fields;
    }
  } catch {
    // JSON.parse quotes the text it failed on, and that may be a prompt: it is no cause to keep.
    throw badRow(place, 'it is no JSON');
  }
  throw badRow(place, 'it is no JSON object');
}

function readId(fields: Fields, place: Place): string {
  const id = fields['id'];
  if (id === undefined || id === null) return `line-${place.line}`;
  if (typeof id === 'string' || typeof id === 'number') return String(id);
  throw badRow(place, '"id" is neither text nor a number');
}

function readText(fields: Fields, name: string, place: Place): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw badRow(place, `"${name}" is no text`);
}

function readNumber(fields: Fields, name: string, place: Place): number | null | undefined {
  const value = fields[name];
  if (value === undefined || value === null || typeof value === 'number') return value;
  throw badRow(place, `"${name}" is no number`);
}

function readCost(fields: Fields, name: string, place: Place): number | undefined {
  const value = readNumber(fields, name, place) ?? undefined;
  if (value !== undefined && value < 0) throw badRow(place, `"${name}" is below 0`);
  return value;
}

function readVerdict(fields: Fields, name: string, place: Place): boolean | null | undefined {
  const value = fields[name];
  if (value === undefined || value === null || typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  throw badRow(place, `"${name}" is neither true, false, 1 nor 0`);
}

function readTime(fields: Fields, place: Place): number | undefined {
  const value = fields['timeMs'] ?? fields['t'];
  if (value === undefined || value === null) return undefined;
  const timeMs = typeof value === 'string' ? Date.parse(value) : value;
  if (typeof timeMs === 'number' && Number.isFinite(timeMs)) return timeMs;
  throw badRow(place, '"t" is neither milliseconds nor a date');
}

function readNumbers(fields: Fields, place: Place): Outcome['features'] {
  const value = fields['features'];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw badRow(place, '"features" is no object');
  for (const [name, number] of Object.entries(value)) {
    if (number !== null && typeof number !== 'number') {
      throw badRow(place, `feature "${name}" is neither a number nor null`);
    }
  }
  return value as Outcome['features'];
}

function readTiers(fields: Fields, place: Place): readonly OutcomeTier[] | undefined {
  const value = fields['tiers'];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw badRow(place, '"tiers" is no list');
  return value.map((tier: unknown) => readTier(tier, place));
}

function readTier(value: unknown, place: Place): OutcomeTier {
  if (typeof value !== 'object' || value === null) throw badRow(place, 'a tier is no object');
  const fields = value as Fields;
  const correct = readVerdict(fields, 'correct', place);
  const cost = readCost(fields, 'cost', place);
  const id = fields['id'];
  if (typeof id !== 'string' || typeof correct !== 'boolean' || cost === undefined) {
    throw badRow(place, 'a tier needs "id", "correct" and "cost"');
  }
  return { id, correct, cost, ...present('score', readNumber(fields, 'score', place)) };
}

function badRow({ source, line }: Place, problem: string): DataError {
  return new DataError('bad-row', `Line ${line} of ${source} is no outcome: ${problem}.`, {
    details: { line },
  });
}
