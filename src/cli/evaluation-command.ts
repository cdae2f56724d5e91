import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { DataError, StorageError } from '../errors.ts';
import { formatReport, type EvaluationReport } from '../evaluate/report.ts';
import { nodeErrorCode } from './disk-error.ts';
import { createStepProgress } from './step-progress.ts';
import { UsageError } from './usage-error.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Value = string | boolean | (string | boolean)[] | undefined;

/** What one evaluation is given to work with. */
export interface EvaluationInput {
  /** The text of an option; `undefined` when it was not given. */
  text(name: string): string | undefined;
  /** As `text`, and a `UsageError` when it is missing. */
  requiredText(name: string): string;
  /** A number of an option, with its default. */
  number(name: string, range: NumberRange): number;
  flag(name: string): boolean;
  /** Of `--seed`; default 1. */
  readonly seed: number;
  readonly signal: AbortSignal;
  onProgress(done: number, total: number): void;
}

export interface NumberRange {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

export interface EvaluationOutput {
  readonly report: EvaluationReport;
  /** The chart as SVG. */
  readonly chart?: string;
  /** For people, in place of the table of all figures. */
  readonly text?: string;
}

export interface EvaluationCommand {
  /** As typed: `signal`. */
  readonly name: string;
  readonly help: string;
  /** Options besides --json, --chart, --no-chart, --seed, --quiet and --help, which every evaluation has. */
  readonly options: Options;
  /** What progress counts, in the plural. */
  readonly unit: string;
  measure(input: EvaluationInput): Promise<EvaluationOutput>;
}

const COMMON_OPTIONS = {
  json: { type: 'boolean', default: false },
  chart: { type: 'string' },
  'no-chart': { type: 'boolean', default: false },
  seed: { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies Options;

/** Seeds are 32 bits. */
const MAX_SEED = 2 ** 31 - 1;

/** The lines of help that belong to the common options. */
export const COMMON_HELP = `  --chart FILE    where to write the chart, SVG (default evaluate-NAME.svg in this folder)
  --no-chart      write none
  --seed N        seed of the random draws (default 1)
  --json          print the report as one line of JSON
  --quiet         no progress
  --help          this text
`;

/**
 * Runs one evaluation: arguments, interrupt, progress, table or JSON, chart. Gives the exit code: 1
 * when a bar fails. Typed errors are thrown to the caller.
 */
export async function runEvaluation(
  argv: readonly string[],
  command: EvaluationCommand,
): Promise<number> {
  const options: Options = { ...COMMON_OPTIONS, ...command.options };
  const { values } = parseArgs({ args: [...argv], options, allowPositionals: false });
  if (values['help'] === true) {
    process.stdout.write(command.help);
    return 0;
  }
  const progress = createStepProgress({ unit: command.unit, isQuiet: values['quiet'] === true });
  const stop = new AbortController();
  const onInterrupt = (): void =>
    stop.abort(new DOMException('Stopped: nothing was measured.', 'AbortError'));
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  try {
    const reader = readValues(values);
    const seed = reader.number('seed', { fallback: 1, min: 0, max: MAX_SEED, isWhole: true });
    const { signal } = stop;
    const {
      report,
      chart,
      text = formatReport(report),
    } = await command.measure({
      ...reader,
      seed,
      signal,
      onProgress: progress.report,
    });
    progress.end();
    if (chart !== undefined && values['no-chart'] !== true) {
      await writeChart(reader.text('chart'), { fallback: `evaluate-${command.name}.svg`, chart });
    }
    process.stdout.write(values['json'] === true ? `${JSON.stringify(report)}\n` : text);
    return report.ok ? 0 : 1;
  } finally {
    progress.end();
    process.removeListener('SIGINT', onInterrupt);
    process.removeListener('SIGTERM', onInterrupt);
  }
}

/** Bytes of a file that an option named. @throws DataError when it cannot be read. */
export async function readInputFile(file: string): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(file);
    // A Buffer's slice shares its memory, a plain array's copies: readers rely on the latter.
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (cause) {
    const problem = nodeErrorCode(cause) === 'ENOENT' ? 'there is no such file' : 'no access';
    throw new DataError('bad-row', `${file} cannot be read: ${problem}.`, { cause });
  }
}

/** Writes a result, making its folder. @throws StorageError when the disk refuses. */
export async function writeOutputFile(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    await writeFile(file, content);
  } catch (cause) {
    throw new StorageError('write-failed', `${file} could not be written.`, { cause });
  }
}

/** A chart that nobody placed must not fail the measurement in a folder that is read-only. */
async function writeChart(
  file: string | undefined,
  { fallback, chart }: { fallback: string; chart: string },
): Promise<void> {
  try {
    await writeOutputFile(file ?? fallback, chart);
    process.stderr.write(`Chart: ${file ?? fallback}\n`);
  } catch (error) {
    if (file !== undefined) throw error;
    process.stderr.write('No chart: this folder cannot be written; --chart FILE places it.\n');
  }
}

function readValues(values: Readonly<Record<string, Value>>) {
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    text,
    requiredText(name: string): string {
      const value = text(name);
      if (value === undefined) throw new UsageError(`--${name} is missing.`);
      return value;
    },
    number: (name: string, range: NumberRange): number => readNumber(name, text(name), range),
    flag: (name: string): boolean => values[name] === true,
  };
}

function readNumber(name: string, text: string | undefined, range: NumberRange): number {
  if (text === undefined) return range.fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isWrongKind = range.isWhole === true && !Number.isInteger(value);
  if (isWrongKind || !(value >= range.min && value <= range.max)) {
    const kind = range.isWhole === true ? 'a whole number' : 'a number';
    throw new UsageError(`--${name} must be ${kind} from ${range.min} to ${range.max}.`);
  }
  return value;
}
