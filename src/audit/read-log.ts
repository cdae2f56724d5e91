import { DataError } from '../errors.ts';
import { parseCsv } from '../specialise/csv.ts';
import { readCsvCalls } from './csv-calls.ts';
import { joinHalves, readEntry } from './log-entry.ts';
import type { Fields, Log, LogEntry, LogForm, LoggedCall, SkippedLine } from './logged-call.ts';

export interface ReadLogOptions {
  readonly signal?: AbortSignal;
  /** Bytes of the file that were read, packed as they are. */
  readonly onProgress?: (bytes: number) => void;
}

const GZIP_MAGIC = [0x1f, 0x8b] as const;
/** A CSV file or a JSON list must fit one text; longer ones belong in JSON lines. */
const MOST_TEXT_LENGTH = 200_000_000;
/** The last ones are kept: enough for any certificate, and they fit a tab's memory. */
const MOST_CALLS = 200_000;
/** More than these are no tasks but texts made for each call. */
const MOST_INSTRUCTIONS = 1000;
/** A line above this is no call of a text model. */
const MOST_LINE_LENGTH = 20_000_000;

/** Collects calls while a log is read. */
interface Collector {
  add(entry: LogEntry, line: number): void;
  skip(reason: SkippedLine, line: number): void;
  finish(): Log;
}

/**
 * Reads a log, gzipped or not: JSON lines, one JSON list, or CSV; which of them shows in the first
 * character. Lines that cannot be used are counted, not thrown. JSON lines may be of any length in
 * all; of very many calls the last 200,000 are kept.
 *
 * @throws DataError `bad-row` when it is no UTF-8 text, or a CSV that cannot be read; `too-few-rows`
 * when it has no call.
 */
export async function readLog(
  stream: ReadableStream<Uint8Array>,
  options: ReadLogOptions = {},
): Promise<Log> {
  const collector = createCollector();
  const reader = stream.getReader();
  try {
    await readPieces(decode(watch(reader, options)), collector, options.signal);
  } finally {
    await reader.cancel();
  }
  const log = collector.finish();
  if (log.calls.length > 0) return log;
  const counts = Object.entries(log.skipped).filter(([, count]) => count > 0);
  const found = counts.map(([reason, count]) => `${count} ${reason}`).join(', ');
  throw new DataError(
    'too-few-rows',
    `The log has no call that can be used (${found === '' ? 'it is empty' : found}): give JSON lines of requests and answers, or a CSV with a header and columns of text and answer.`,
  );
}

async function* watch(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { signal, onProgress }: ReadLogOptions,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.length;
    onProgress?.(bytes);
    yield value;
  }
}

/** Pieces of text, without a byte order mark. */
async function* decode(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<string> {
  const start = await readStart(chunks);
  const isPacked = start[0] === GZIP_MAGIC[0] && start[1] === GZIP_MAGIC[1];
  const whole = rejoin(start, chunks);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of isPacked ? unpackGzip(whole) : whole) {
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (cause) {
    // Only decoding fails with a TypeError here; an abort or a failing disk is told as it is.
    if (!(cause instanceof TypeError)) throw cause;
    throw new DataError('bad-row', 'The log is not UTF-8: save it as UTF-8.', { cause });
  }
}

/** The first bytes, as many as tell a gzip file. */
async function readStart(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < GZIP_MAGIC.length) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    start = start.length === 0 ? value : Uint8Array.from([...start, ...value]);
  }
  return start;
}

async function* rejoin(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* unpackGzip(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  // What fails before unpacking (an abort, a disk) must not be taken for a damaged file.
  let failure: unknown = null;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(Uint8Array.from(value));
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  });
  const reader = source.pipeThrough(new DecompressionStream('gzip')).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw failure ?? new DataError('bad-row', 'The log is a damaged gzip file.', { cause });
    });
    if (done) return;
    yield value;
  }
}

async function readPieces(
  pieces: AsyncGenerator<string>,
  collector: Collector,
  signal: AbortSignal | undefined,
): Promise<void> {
  let start = '';
  // No for-await: leaving one ends the pieces.
  while (start.trimStart() === '') {
    const { done, value } = await pieces.next();
    if (done === true) return;
    start += value;
  }
  const first = start.trimStart()[0];
  // A list of chats may itself be one of many lines.
  if (first === '{') return readLines(start, pieces, { collector, signal });
  const text = await collect(start, pieces);
  if (first !== '[') return addCsv(text, collector);
  const list = parse(text);
  if (Array.isArray(list)) return addList(list, collector);
  for (const [index, line] of text.split('\n').entries()) addLine(line, index + 1, collector);
}

async function readLines(
  start: string,
  pieces: AsyncGenerator<string>,
  { collector, signal }: { collector: Collector; signal: AbortSignal | undefined },
): Promise<void> {
  let rest = '';
  let line = 0;
  const take = (piece: string): void => {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) addLine(text, (line += 1), collector);
    if (rest.length > MOST_LINE_LENGTH) throw tooLong(line + 1);
  };
  take(start);
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    take(piece);
  }
  addLine(rest, line + 1, collector);
}

async function collect(start: string, pieces: AsyncGenerator<string>): Promise<string> {
  const texts = [start];
  let length = start.length;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > MOST_TEXT_LENGTH) {
      throw new DataError('bad-row', 'The log is too large to be read at once: give JSON lines.');
    }
    texts.push(piece);
  }
  return texts.join('');
}

function addLine(line: string, number: number, collector: Collector): void {
  if (line.trim() === '') return;
  const value = parse(line);
  if (value === undefined) collector.skip('malformed', number);
  else collector.add(readEntry(value), number);
}

/** Lines of a list are unknown: its items are counted. */
function addList(list: readonly unknown[], collector: Collector): void {
  const isChat = list.some((item) => typeof item === 'object' && item !== null && 'role' in item);
  const entries = isChat ? [list] : list;
  for (const [index, entry] of entries.entries()) collector.add(readEntry(entry), index + 1);
}

function addCsv(text: string, collector: Collector): void {
  const { calls, skipped } = readCsvCalls(parseCsv(text, 'the log'));
  collector.add({ status: 'calls', form: 'csv', calls }, 1);
  for (const { reason, line } of skipped) collector.skip(reason, line);
}

function createCollector(): Collector {
  const calls: LoggedCall[] = [];
  const halves = new Map<string, Fields>();
  const forms = new Map<LogForm, number>();
  /** One copy of each: a long log repeats them with every call. */
  const instructions = new Map<string, string>();
  const skipped = {
    malformed: 0,
    'no-request': 0,
    'no-answer': 0,
    'failed-call': 0,
    'not-text': 0,
  };
  let firstSkippedLine: number | null = null;
  let count = 0;

  function skip(reason: SkippedLine, line: number): void {
    skipped[reason] += 1;
    firstSkippedLine ??= line;
  }

  function add(entry: LogEntry, line: number): void {
    if (entry.status === 'skipped') return skip(entry.reason, line);
    if (entry.status === 'half') {
      const other = halves.get(entry.key);
      halves.delete(entry.key);
      if (other === undefined) halves.set(entry.key, entry.half);
      else addJoined(joinHalves(other, entry.half), line);
      return;
    }
    forms.set(entry.form, (forms.get(entry.form) ?? 0) + entry.calls.length);
    for (const call of entry.calls) {
      calls[count % MOST_CALLS] = shareInstructions(call, instructions);
      count += 1;
    }
  }

  /** Two requests with one id stay two halves. */
  function addJoined(joined: Fields, line: number): void {
    const entry = readEntry(joined);
    if (entry.status === 'half') skip('no-answer', line);
    else add(entry, line);
  }

  return {
    add,
    skip,
    finish() {
      skipped['no-answer'] += halves.size;
      const first = count % MOST_CALLS;
      const isWrapped = count > MOST_CALLS;
      return {
        form: mostFrequent(forms),
        calls: isWrapped ? [...calls.slice(first), ...calls.slice(0, first)] : calls,
        droppedCalls: isWrapped ? count - MOST_CALLS : 0,
        skipped,
        firstSkippedLine,
      };
    },
  };
}

function shareInstructions(call: LoggedCall, known: Map<string, string>): LoggedCall {
  if (call.instructions === null) return call;
  const shared = known.get(call.instructions) ?? call.instructions;
  if (known.size < MOST_INSTRUCTIONS) known.set(shared, shared);
  return { ...call, instructions: shared };
}

function mostFrequent(forms: ReadonlyMap<LogForm, number>): LogForm {
  return [...forms].toSorted(([, left], [, right]) => right - left)[0]?.[0] ?? 'text-answer';
}

/** `undefined` when it is no JSON: what JSON.parse says of it may quote a prompt. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooLong(line: number): DataError {
  return new DataError(
    'bad-row',
    `Line ${line} of the log is longer than ${MOST_LINE_LENGTH} characters: one JSON object a line.`,
    { details: { line } },
  );
}
