import { evaluateComplete, type CompleteBars } from '../../evaluate/complete.ts';
import {
  offersOfMemory,
  offersOfPasses,
  type SourceName,
} from '../../evaluate/complete/sources.ts';
import { readMessages, readTurns } from '../../evaluate/complete/turns.ts';
import { createWordMemory, type WordMemory } from '../../completion/word-memory.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { decodeText } from '../../evaluate/read-outcomes.ts';
import type { EvaluationReport } from '../../evaluate/report.ts';
import { parseCsv } from '../../specialise/csv.ts';
import type { CatalogueEntry, Precision } from '../../types.ts';
import path from 'node:path';
import {
  COMMON_HELP,
  readInputFile,
  runEvaluation,
  type EvaluationInput,
} from '../evaluation-command.ts';
import { findModel, readModelCatalogue } from '../model-catalogue.ts';
import { UsageError } from '../usage-error.ts';
import { entryToJudge, writeCalibration } from './completion-calibrations.ts';
import { passesOf } from './model-passes.ts';

const HELP = `Usage: edgewise evaluate complete --turns FILE [options]

What completion is worth: every turn is written again, with a suggestion at every character, by a
simulated writer who takes a ghost (one key) only when all of it is right. FILE holds JSON lines
{ "id", "turns": [["u" | "a", text], ...] }, or CSV with a header and one text a row. One turn of 5
to 20 words per dialogue; up to 4 earlier turns are the model's context.

  --turns FILE          what is written
  --source NAME         model (default), memory or both
  --history FILE        what the person wrote before, in the form of --turns
  --prompt-history N    the last N of these stand in the model's prompt (default 0)
  --memory-history N    the last N of these fill the word memory (default: all)
  --limit N             at most N turns
  --flashes N           new wrong ghosts per 100 keys to fit the threshold for (default 5)
  --no-space            acceptance adds no space
  --model ID            model of the catalogue, pulled before (default: the catalogue's)
  --precision NAME      exact (default) or fast, where Node runs relaxed SIMD
                        (node --experimental-wasm-relaxed-simd in Node 20)
  --calibration-out FILE  also fit maps and threshold on all turns and put them into FILE
  --calibration FILE    judge this calibration, fitted on other turns, and fit nothing
  --cache DIR           where the model's passes are kept (default: the user's cache)
  --min-saved SHARE, --min-precision SHARE, --max-flashes N    fail beyond these
${COMMON_HELP}`;

const SOURCES: Readonly<Record<string, readonly SourceName[]>> = {
  model: ['model'],
  memory: ['memory'],
  both: ['model', 'memory'],
};

/** `edgewise evaluate complete`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'complete',
    help: HELP,
    unit: 'steps',
    options: {
      turns: { type: 'string' },
      source: { type: 'string' },
      history: { type: 'string' },
      'prompt-history': { type: 'string' },
      'memory-history': { type: 'string' },
      limit: { type: 'string' },
      flashes: { type: 'string' },
      'no-space': { type: 'boolean', default: false },
      model: { type: 'string' },
      precision: { type: 'string' },
      'calibration-out': { type: 'string' },
      calibration: { type: 'string' },
      cache: { type: 'string' },
      'min-saved': { type: 'string' },
      'min-precision': { type: 'string' },
      'max-flashes': { type: 'string' },
    },
    async measure(input) {
      return { report: await measure(input) };
    },
  });
}

async function measure(input: EvaluationInput): Promise<EvaluationReport> {
  const names = sourcesOf(input.text('source') ?? 'model');
  const precision = precisionOf(input.text('precision') ?? 'exact');
  const model = await modelEntry(input.text('model'));
  const file = input.requiredText('turns');
  const bytes = await readInputFile(file);
  const limit = wholeNumber(input, 'limit', Number.MAX_SAFE_INTEGER);
  const turns = readTurns(await dialoguesOf(bytes, file), file).slice(0, limit);
  const messages = await readHistory(input.text('history'));
  const inPrompt = lastOf(messages, wholeNumber(input, 'prompt-history', 0));
  const inMemory = names.includes('memory')
    ? lastOf(messages, wholeNumber(input, 'memory-history', messages.length))
    : [];
  const withSpace = !input.flag('no-space');
  const passes = names.includes('model')
    ? await passesOf(input, { entry: model, precision, turns, history: inPrompt })
    : null;
  const sources = [
    ...(passes === null ? [] : [offersOfPasses(turns, passes, { withSpace })]),
    ...(names.includes('memory') ? [offersOfMemory(turns, memoryOf(inMemory), { withSpace })] : []),
  ];
  const flashBudget = input.number('flashes', { fallback: 5, min: 0, max: 100 });
  const turnsSha256 = await dataHash(bytes);
  const facts = { model, precision, flashBudget, turnsSha256, promptHistory: inPrompt.length };
  const known = inMemory.length;
  await writeCalibration(input.text('calibration-out'), { turns, sources, known, ...facts });
  const entry = await entryToJudge(input.text('calibration'), names, known);
  return evaluateComplete({
    turns,
    sources,
    passes,
    flashBudget,
    ...(entry === null ? {} : { entry }),
    seed: input.seed,
    bars: barsOf(input),
    signal: input.signal,
    context: {
      source: names.join(' and '),
      ...(passes === null ? {} : { model: model.id, modelSha256: model.sha256, precision }),
      promptHistory: inPrompt.length,
      memoryHistory: known,
      space: withSpace ? 'a space comes with acceptance' : 'none',
      turnsSha256,
    },
  });
}

function sourcesOf(name: string): readonly SourceName[] {
  const names = Object.hasOwn(SOURCES, name) ? SOURCES[name] : undefined;
  if (names !== undefined) return names;
  throw new UsageError(`--source is model, memory or both, not "${name}".`);
}

function precisionOf(name: string): Precision {
  if (name === 'exact' || name === 'fast') return name;
  throw new UsageError(`--precision is exact or fast, not "${name}".`);
}

function wholeNumber(input: EvaluationInput, name: string, fallback: number): number {
  return input.number(name, { fallback, min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true });
}

/** Texts of a CSV become dialogues of one turn each. */
async function dialoguesOf(bytes: Uint8Array, file: string): Promise<string> {
  const text = await decodeText(bytes, file);
  if (path.extname(file).toLowerCase() !== '.csv') return text;
  const [, ...rows] = parseCsv(text, file);
  const lines = rows.map(({ fields }, index) =>
    JSON.stringify({ id: String(index), turns: [['u', fields[0] ?? '']] }),
  );
  return lines.join('\n');
}

async function readHistory(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  return readMessages(await dialoguesOf(await readInputFile(file), file), file);
}

function lastOf(messages: readonly string[], count: number): readonly string[] {
  return count === 0 ? [] : messages.slice(-count);
}

function memoryOf(messages: readonly string[]): WordMemory {
  const memory = createWordMemory(null, { maxMessages: Math.max(1, messages.length) });
  for (const message of messages) memory.learn(message);
  return memory;
}

function barsOf(input: EvaluationInput): CompleteBars {
  const bar = (name: string, max: number): number | undefined =>
    input.text(name) === undefined ? undefined : input.number(name, { fallback: 0, min: 0, max });
  const leastSaved = bar('min-saved', 1);
  const leastPrecision = bar('min-precision', 1);
  const mostFlashes = bar('max-flashes', 100);
  return {
    ...(leastSaved === undefined ? {} : { leastSaved }),
    ...(leastPrecision === undefined ? {} : { leastPrecision }),
    ...(mostFlashes === undefined ? {} : { mostFlashes }),
  };
}

async function modelEntry(id: string | undefined): Promise<CatalogueEntry> {
  const catalogue = await readModelCatalogue();
  return findModel(catalogue, id ?? catalogue.defaultId).entry;
}
