import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  findCompletionEntry,
  type CompletionCalibration,
  type CompletionCalibrationEntry,
} from '../../completion/completion-calibration.ts';
import { createWasmEngine } from '../../engines/wasm/engine.ts';
import { DataError, ModelError } from '../../errors.ts';
import { calibrateCompletion, withEntry } from '../../evaluate/complete/calibrate.ts';
import { evaluateComplete, type CompleteBars } from '../../evaluate/complete.ts';
import { computePasses, type TurnPasses } from '../../evaluate/complete/passes.ts';
import {
  offersOfMemory,
  offersOfPasses,
  type SourceName,
  type SourceOffers,
} from '../../evaluate/complete/sources.ts';
import { readMessages, readTurns, type WritingTurn } from '../../evaluate/complete/turns.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { decodeText } from '../../evaluate/read-outcomes.ts';
import { parseCsv } from '../../specialise/csv.ts';
import { createWordMemory } from '../../completion/word-memory.ts';
import type { CatalogueEntry, LoadedModel, Precision } from '../../types.ts';
import {
  COMMON_HELP,
  readInputFile,
  runEvaluation,
  writeOutputFile,
  type EvaluationInput,
} from '../evaluation-command.ts';
import { cachedModelPath, modelCacheFolder } from '../model-cache.ts';
import { findModel, readModelCatalogue } from '../model-catalogue.ts';
import { UsageError } from '../usage-error.ts';

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

const PASSES_VERSION = 2;
const CONTEXT_LENGTH = 512;
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

async function measure(input: EvaluationInput) {
  const names = sourcesOf(input.text('source') ?? 'model');
  const precision = precisionOf(input.text('precision') ?? 'exact');
  const entry = names.includes('model') ? await modelEntry(input.text('model')) : null;
  const file = input.requiredText('turns');
  const bytes = await readInputFile(file);
  const limit = wholeNumber(input, 'limit', Number.MAX_SAFE_INTEGER);
  const turns = readTurns(await dialoguesOf(bytes, file), file).slice(0, limit);
  const messages = await readHistory(input.text('history'));
  const inPrompt = lastOf(messages, wholeNumber(input, 'prompt-history', 0));
  const inMemory = lastOf(messages, wholeNumber(input, 'memory-history', messages.length));
  const withSpace = !input.flag('no-space');
  const sources: SourceOffers[] = [];
  let passes: readonly TurnPasses[] | null = null;
  if (entry !== null) {
    passes = await passesOf(input, { entry, precision, turns, history: inPrompt });
    sources.push(offersOfPasses(turns, passes, { withSpace }));
  }
  if (names.includes('memory')) {
    sources.push(offersOfMemory(turns, memoryOf(inMemory), { withSpace }));
  }
  const flashBudget = input.number('flashes', { fallback: 5, min: 0, max: 100 });
  const turnsSha256 = await dataHash(bytes);
  const calibrationFile = input.text('calibration-out');
  if (calibrationFile !== undefined) {
    await writeCalibration(calibrationFile, {
      entry: calibrateCompletion({
        turns,
        sources,
        flashBudget,
        messages: names.includes('memory') ? inMemory.length : 0,
      }),
      facts: {
        model: await modelEntry(input.text('model')),
        precision,
        flashBudget,
        turnsSha256,
        turns: turns.length,
        promptHistory: inPrompt.length,
      },
    });
  }
  const judged = await entryToJudge(input, { names, messages: inMemory.length });
  return evaluateComplete({
    turns,
    sources,
    passes,
    flashBudget,
    ...(judged === null ? {} : { entry: judged }),
    seed: input.seed,
    bars: barsOf(input),
    signal: input.signal,
    context: {
      source: names.join(' and '),
      model: entry?.id ?? null,
      modelSha256: entry?.sha256 ?? null,
      precision: entry === null ? null : precision,
      promptHistory: inPrompt.length,
      memoryHistory: names.includes('memory') ? inMemory.length : null,
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

function memoryOf(messages: readonly string[]) {
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

interface CalibrationFacts {
  readonly model: CatalogueEntry;
  readonly precision: Precision;
  readonly promptHistory: number;
  readonly flashBudget: number;
  readonly turns: number;
  readonly turnsSha256: string;
}

/** Adds the entry to the file's, as long as they are of the same model, build and turns. */
async function writeCalibration(
  file: string,
  { entry, facts }: { entry: CompletionCalibrationEntry; facts: CalibrationFacts },
): Promise<void> {
  const { model, precision, promptHistory, flashBudget, turns, turnsSha256 } = facts;
  const fresh: CompletionCalibration = {
    version: 1,
    id: `complete-${model.id}-${precision}-${turnsSha256.slice(0, 8)}`,
    modelId: model.id,
    modelSha256: model.sha256,
    precision,
    promptHistory,
    flashBudget,
    turns,
    date: new Date().toISOString().slice(0, 10),
    dataSha256: turnsSha256,
    entries: [],
  };
  const present = await readCalibration(file);
  const base = present?.id === fresh.id ? { ...fresh, entries: present.entries } : fresh;
  // Entries without a history leave the prompt's length as others said it.
  const longest = Math.max(promptHistory, present?.id === fresh.id ? present.promptHistory : 0);
  const calibration = withEntry({ ...base, promptHistory: longest }, entry);
  await writeOutputFile(file, `${JSON.stringify(calibration, null, 2)}\n`);
}

/** The entry of `--calibration` for these sources and this much history. */
async function entryToJudge(
  input: EvaluationInput,
  { names, messages }: { names: readonly SourceName[]; messages: number },
): Promise<CompletionCalibrationEntry | null> {
  const file = input.text('calibration');
  if (file === undefined) return null;
  const calibration = await readCalibration(file);
  const known = names.includes('memory') ? messages : 0;
  const entry = calibration === null ? null : findCompletionEntry(calibration, names, known);
  if (entry !== null) return entry;
  throw new UsageError(`${file} has no entry for ${names.join(' and ')} with ${known} messages.`);
}

async function readCalibration(file: string): Promise<CompletionCalibration | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as CompletionCalibration;
  } catch {
    // None yet: it is begun.
    return null;
  }
}

async function modelEntry(id: string | undefined): Promise<CatalogueEntry> {
  const catalogue = await readModelCatalogue();
  return findModel(catalogue, id ?? catalogue.defaultId).entry;
}

interface PassesOf {
  readonly entry: CatalogueEntry;
  readonly precision: Precision;
  readonly turns: readonly WritingTurn[];
  readonly history: readonly string[];
}

/** Passes depend on the model, the turns and the prompt's history; the file's name is their hash. */
async function passesOf(
  input: EvaluationInput,
  { entry, precision, turns, history }: PassesOf,
): Promise<readonly TurnPasses[]> {
  const key = JSON.stringify([PASSES_VERSION, entry.sha256, precision, history, turns]);
  const name = `${await dataHash(new TextEncoder().encode(key))}.json`;
  const folder = input.text('cache') ?? path.join(modelCacheFolder(), '..', 'passes');
  const file = path.join(folder, name);
  const kept = await readKept(file);
  if (kept !== null) return kept;
  const model = await loadModel(entry, precision);
  try {
    const { signal, onProgress } = input;
    const passes = await computePasses(model, turns, { history, signal, onProgress });
    await writeOutputFile(file, JSON.stringify(passes));
    return passes;
  } finally {
    model.dispose();
  }
}

async function readKept(file: string): Promise<readonly TurnPasses[] | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as readonly TurnPasses[];
  } catch {
    // None yet, or one that a stopped run left unfinished: it is computed anew.
    return null;
  }
}

async function loadModel(entry: CatalogueEntry, precision: Precision): Promise<LoadedModel> {
  const file = cachedModelPath(modelCacheFolder(), entry.sha256);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new ModelError(
      'not-found',
      `The model is not on this machine: npx --no-install edgewise pull ${entry.id}`,
      { cause, details: { id: entry.id } },
    );
  });
  if ((await dataHash(bytes)) !== entry.sha256) {
    throw new DataError(
      'bad-row',
      `The model file is damaged: npx --no-install edgewise pull ${entry.id}`,
    );
  }
  return createWasmEngine().load(
    {
      sizeBytes: bytes.length,
      sha256: entry.sha256,
      // oxlint-disable-next-line typescript/require-await -- the engine reads an async iterable
      async *chunks() {
        yield bytes;
      },
    },
    { precision, maxSlots: 1, contextLength: CONTEXT_LENGTH },
  );
}
