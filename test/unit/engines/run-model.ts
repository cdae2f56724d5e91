import { expect } from 'vitest';
import { startRun } from '../../../src/engines/wasm/run.ts';
import type { RunParts } from '../../../src/engines/wasm/run.ts';
import { createSlotTable } from '../../../src/engines/wasm/slots.ts';
import { createVocabulary } from '../../../src/engines/wasm/vocabulary.ts';
import type { EngineRequest, EngineRun, EngineStep, TokenEvidence } from '../../../src/types.ts';
import { createFakeDecoder } from './fake-decoder.ts';
import type { FakeDecoder } from './fake-decoder.ts';
import { createWordTokenizer, END_ID, idOf } from './word-tokenizer.ts';

const WORDS =
  ' the| them|the| we| weather| is|is| fine| and|.| un| unfinish|ed|able|able to|ü|😀| :)';
export const tokenizer = createWordTokenizer(WORDS.split('|'));
const vocabulary = createVocabulary(tokenizer);

export interface TestModel extends RunParts {
  readonly decoder: FakeDecoder;
}

export function createModel(options: {
  readonly score?: (tokens: readonly number[], id: number) => number;
  readonly maxSlots?: number;
  readonly keptLogits?: number;
  readonly contextLength?: number;
  readonly rows?: number;
}): TestModel {
  const decoder = createFakeDecoder({
    vocabularySize: options.rows ?? tokenizer.vocabularySize,
    contextLength: options.contextLength ?? 64,
    ...(options.score === undefined ? {} : { score: options.score }),
  });
  let clock = 0;
  return {
    decoder,
    tokenizer,
    vocabulary,
    chatTemplate: {
      encode: (messages) => messages.flatMap(({ content }) => tokenizer.encode(content)),
    },
    contextLength: decoder.contextLength,
    slots: createSlotTable({
      maxSlots: options.maxSlots ?? 4,
      keptLogits: options.keptLogits ?? 3,
      addSlot: () => decoder.addSlot(),
    }),
    now: () => clock++,
    known: null,
    isClosed: () => false,
  };
}

/** A model that says these tokens one after the other, then ends. `weights`: probability of each. */
export function createScripted(texts: readonly string[], probability = 0.9): TestModel {
  const script = texts.map((text) => (text === '' ? END_ID : idOf(tokenizer, text)));
  let promptLength = -1;
  return createModel({
    score(tokens, id) {
      if (promptLength < 0 || tokens.length < promptLength) promptLength = tokens.length;
      const next = script[tokens.length - promptLength] ?? END_ID;
      if (id === next) return 0;
      return Math.log((1 - probability) / (probability * (tokenizer.vocabularySize - 1)));
    },
  });
}

export function request(overrides: Partial<EngineRequest> = {}): EngineRequest {
  return {
    sessionId: 'a',
    input: { kind: 'text', text: 'hi' },
    maxTokens: 8,
    ...overrides,
  };
}

export interface Result {
  readonly text: string;
  readonly texts: readonly string[];
  readonly evidence: readonly TokenEvidence[];
  readonly end: Extract<EngineStep, { type: 'end' }>;
  readonly prefills: readonly EngineStep[];
}

export function finish(run: EngineRun): Result {
  const texts: string[] = [];
  const evidence: TokenEvidence[] = [];
  const prefills: EngineStep[] = [];
  for (;;) {
    const step = run.step() as EngineStep;
    if (step.type === 'prefill') prefills.push(step);
    if (step.type === 'token') {
      texts.push(step.text);
      evidence.push(step.evidence);
      expect(step.evidence.textLength).toBe(step.text.length);
    }
    if (step.type !== 'end') continue;
    expect(run.step()).toEqual(step);
    run.release();
    return { text: texts.join(''), texts, evidence, end: step, prefills };
  }
}

export function generate(model: TestModel, overrides: Partial<EngineRequest> = {}): Result {
  return finish(startRun(request(overrides), model));
}
