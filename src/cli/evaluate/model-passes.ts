import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createWasmEngine } from '../../engines/wasm/engine.ts';
import { ModelError } from '../../errors.ts';
import { computePasses, type TurnPasses } from '../../evaluate/complete/passes.ts';
import type { WritingTurn } from '../../evaluate/complete/turns.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import type { CatalogueEntry, LoadedModel, Precision } from '../../types.ts';
import { writeOutputFile, type EvaluationInput } from '../evaluation-command.ts';
import { cachedModelPath, modelCacheFolder } from '../model-cache.ts';

/** Counts up when passes come out differently, so that kept ones are not used. */
const PASSES_VERSION = 2;
const CONTEXT_LENGTH = 512;

export interface PassesOf {
  readonly entry: CatalogueEntry;
  readonly precision: Precision;
  readonly turns: readonly WritingTurn[];
  readonly history: readonly string[];
}

/** Passes depend on the model, the turns and the prompt's history; the file's name is their hash. */
export async function passesOf(
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
    throw new ModelError(
      'hash-mismatch',
      `The model file is damaged: npx --no-install edgewise pull ${entry.id}`,
    );
  }
  return createWasmEngine().load(
    {
      sizeBytes: bytes.length,
      sha256: entry.sha256,
      async *chunks() {
        yield bytes;
      },
    },
    { precision, maxSlots: 1, contextLength: CONTEXT_LENGTH },
  );
}
