import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  Engine,
  EngineLoadOptions,
  EngineRequest,
  EngineRun,
  EngineStep,
  EngineUsage,
  LoadedModel,
  TokenEvidence,
  WeightSource,
} from '../../src/types.ts';

export interface EngineCase {
  readonly createEngine: () => Engine;
  /** A whole model file whose vocabulary knows English and German words. */
  readonly readModel: () => Promise<Uint8Array>;
}

export interface Generation {
  readonly text: string;
  readonly evidence: readonly TokenEvidence[];
  readonly reason: string;
  readonly usage: EngineUsage;
}

/** Verified bytes in pieces, as the store hands them out: one buffer, used again and again. */
export function sourceOf(file: Uint8Array, pieceBytes = 100_000): WeightSource {
  return {
    sizeBytes: file.length,
    sha256: '0'.repeat(64),
    async *chunks() {
      const buffer = new Uint8Array(pieceBytes);
      for (let at = 0; at < file.length; at += pieceBytes) {
        const piece = file.subarray(at, at + pieceBytes);
        buffer.set(piece);
        yield buffer.subarray(0, piece.length);
        buffer.fill(0xaa);
      }
    },
  };
}

export async function generate(model: LoadedModel, request: EngineRequest): Promise<Generation> {
  return finish(model.start(request));
}

async function finish(run: EngineRun): Promise<Generation> {
  let text = '';
  const evidence: TokenEvidence[] = [];
  for (;;) {
    const step: EngineStep = await run.step();
    if (step.type === 'token') {
      text += step.text;
      evidence.push(step.evidence);
    }
    if (step.type !== 'end') continue;
    run.release();
    return { text, evidence, reason: step.reason, usage: step.usage };
  }
}

/** A part of a step where the engine has them, else a whole one. */
async function stepPart(run: EngineRun): Promise<EngineStep | null> {
  return run.stepPart === undefined ? await run.step() : run.stepPart();
}

interface Edit {
  /** `undo` goes back to what was there before the last edits. */
  readonly type: 'type' | 'undo';
  /** UTF-16 units taken off the end first, which may be half a character. */
  readonly deleted: number;
  readonly typed: readonly string[];
  readonly undone: number;
  readonly isPrepared: boolean;
  /** Of a run for the new text that is given up before the one that counts. */
  readonly parts: number;
}

const WORDS =
  "The| garden| is| qui|et| and| Stra|ße| |.|n't| 7|12|\n|\r\n|\u00a0|😀| 👍🏽|👩‍👩‍👧|日本| e\u0301|\ud83d";
const PASTED =
  'Wir danken Ihnen für Ihren Brief vom 3. März.\r\n\r\nThe garden behind the house is quiet';

const anEdit: fc.Arbitrary<Edit> = fc.record({
  type: fc.constantFrom('type', 'type', 'type', 'undo'),
  deleted: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(40)),
  typed: fc.array(fc.constantFrom(...WORDS.split('|'), PASTED), { maxLength: 4 }),
  undone: fc.integer({ min: 1, max: 3 }),
  isPrepared: fc.boolean(),
  parts: fc.nat(6),
});

/** Text left of the caret after the edit. */
function edited(history: readonly string[], { type, deleted, typed, undone }: Edit): string {
  if (type === 'undo') return history.at(-1 - undone) ?? '';
  const last = history.at(-1) ?? '';
  return last.slice(0, last.length - deleted) + typed.join('');
}

export function prefixRequest(
  sessionId: string,
  before: string,
  overrides: Partial<EngineRequest> = {},
): EngineRequest {
  return { sessionId, input: { kind: 'prefix', before }, maxTokens: 6, ...overrides };
}

/** What every engine has to do. */
export function describeEngine(name: string, options: EngineCase): void {
  describe(`${name}: an engine`, () => {
    let file: Uint8Array;
    let model: LoadedModel;
    let sessions = 0;

    const load = (loadOptions?: EngineLoadOptions): Promise<LoadedModel> =>
      options.createEngine().load(sourceOf(file), loadOptions);
    /** What a session without a past gives. */
    const cold = (request: EngineRequest): Promise<Generation> =>
      generate(model, { ...request, sessionId: `cold ${sessions++}` });

    beforeAll(async () => {
      file = await options.readModel();
      model = await load({ contextLength: 128, maxSlots: 3 });
    }, 60_000);

    it('says what it loaded', () => {
      expect(model.info).toMatchObject({ contextLength: 128, maxSlots: 3 });
      expect(model.info.memoryBytes).toBeGreaterThan(0);
      expect(model.info.parameters).toBeGreaterThan(10_000);
      expect(model.countTokens('The garden')).toBeGreaterThan(0);
      expect(model.countTokens('')).toBe(0);
    });

    it('gives text with evidence for each token', async () => {
      const { text, evidence, usage, reason } = await cold(prefixRequest('', 'The garden behind'));
      expect(evidence.reduce((sum, { textLength }) => sum + textLength, 0)).toBe(text.length);
      for (const { logProbability, margin } of evidence) {
        expect(logProbability).toBeLessThanOrEqual(0);
        expect(margin).toBeGreaterThanOrEqual(0);
      }
      expect(usage.outputTokens).toBe(evidence.length);
      expect(usage.busyMs).toBeGreaterThan(0);
      expect(['stop', 'length']).toContain(reason);
    });

    it('gives the same tokens after any history of edits as in a new session', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anEdit, { minLength: 2, maxLength: 8 }), async (trace) => {
          const sessionId = `typing ${sessions++}`;
          const history = [''];
          for (const edit of trace) {
            const before = edited(history, edit);
            history.push(before);
            const request = prefixRequest(sessionId, before, { maxTokens: 3 });
            // Some were being made ready, and some given up, when the next edit came.
            const early = model.start({ ...request, isPromptOnly: edit.isPrepared });
            for (let part = 0; part < edit.parts; part++) await stepPart(early);
            early.release();
            const warm = await generate(model, request);
            expect(comparable(warm)).toEqual(comparable(await cold(request)));
          }
        }),
        { numRuns: 20 },
      );
    }, 60_000);

    it('gives all tokens from an earlier run of the same text', async () => {
      const request = prefixRequest(`again ${sessions++}`, 'The garden behind', { maxTokens: 2 });
      const first = await generate(model, request);
      const again = await generate(model, request);
      expect(comparable(again)).toEqual(comparable(first));
      expect(again.usage.cachedTokens).toBe(again.usage.inputTokens);
    });

    it('has only tokens left to compute once it was made ready', async () => {
      const request = prefixRequest(`ready ${sessions++}`, 'Please send the report to the wh');
      const ready = await generate(model, { ...request, isPromptOnly: true });
      expect(ready).toMatchObject({ text: '', evidence: [], usage: { outputTokens: 0 } });
      const run = model.start(request);
      expect(await run.step()).toMatchObject({ type: 'token' });
      run.release();
      expect(comparable(await generate(model, request))).toEqual(comparable(await cold(request)));
    });

    it('computes only what changed', async () => {
      const sessionId = `growing ${sessions++}`;
      const first = 'Please send the report to the whole team before the end of';
      await generate(model, prefixRequest(sessionId, first));
      const { usage } = await generate(model, prefixRequest(sessionId, `${first} the we`));
      expect(usage.cachedTokens).toBeGreaterThanOrEqual(usage.inputTokens - 5);
    });

    it('keeps sessions apart when their steps alternate', async () => {
      const requests = ['The train leaves', 'Wir danken Ihnen für', 'What is the'].map((before) =>
        prefixRequest(`alternate ${sessions++}`, before, { maxTokens: 10 }),
      );
      const alone: Generation[] = [];
      for (const request of requests) alone.push(await cold(request));
      const texts = requests.map(() => '');
      const open = new Map(requests.map((request, index) => [index, model.start(request)]));
      while (open.size > 0) {
        for (const [index, run] of open) {
          // Where the engine has parts, nobody's step is complete when the next one computes.
          const step = await stepPart(run);
          if (step === null) continue;
          if (step.type === 'token') texts[index]! += step.text;
          if (step.type !== 'end') continue;
          run.release();
          open.delete(index);
        }
      }
      expect(texts).toEqual(alone.map(({ text }) => text));
    });

    it('is exact after a run was given up at any step', async () => {
      const before =
        'It was raining all day, so they stayed inside and were reading their old letters';
      const later = prefixRequest('', before.slice(0, 60).concat(' and wr'));
      const expected = comparable(await cold(later));
      for (let steps = 0; steps < 7; steps++) {
        const sessionId = `given up ${sessions++}`;
        const run = model.start(prefixRequest(sessionId, before));
        for (let step = 0; step < steps; step++) await run.step();
        run.release();
        expect(comparable(await generate(model, { ...later, sessionId }))).toEqual(expected);
      }
    });

    it('keeps what other sessions computed while one types, is cancelled, and types on', async () => {
      const field = prefixRequest(`field ${sessions++}`, 'Please send the report to');
      const first = await generate(model, field);
      const typing = `busy ${sessions++}`;
      for (const before of [
        'The train',
        'The train leaves',
        'Wir danken Ihnen für Ihren Brief vo',
      ]) {
        const run = model.start(prefixRequest(typing, before));
        for (let part = 0; part < 3; part++) await stepPart(run);
        run.release();
      }
      const again = await generate(model, field);
      expect(again.usage.cachedTokens).toBe(again.usage.inputTokens);
      expect(comparable(again)).toEqual(comparable(first));
    });

    it('stops before a stop string', async () => {
      const request = prefixRequest('', 'The children are', { maxTokens: 12 });
      const { text } = await cold(request);
      // Any place inside the text, across token borders.
      const stop = text.slice(Math.floor(text.length / 2), Math.floor(text.length / 2) + 3);
      const stopped = await cold({ ...request, stop: [stop] });
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(stopped.reason).toBe('stop');
    });

    it('draws the same text for the same seed, and others for others', async () => {
      const draw = async (seed: number): Promise<string> => {
        const sampling = { temperature: 1, topK: 200, topP: 0.99, seed };
        return (await cold(prefixRequest('', 'The other question', { sampling, maxTokens: 12 })))
          .text;
      };
      expect(await draw(1)).toBe(await draw(1));
      const texts = new Set([await draw(1), await draw(2), await draw(3), await draw(4)]);
      expect(texts.size).toBeGreaterThan(2);
    });

    it('makes the first token extend the letters typed', async () => {
      for (const [before, start] of [
        ['She writes a short messa', 'messa'],
        ['Der Zug kommt zurü', 'zurü'],
        ['the ', ' '],
      ] as const) {
        const { text, evidence } = await cold(prefixRequest('', before, { maxTokens: 2 }));
        const whole = before + text;
        expect(whole.slice(before.length - start.length).startsWith(start)).toBe(true);
        expect(text.trim() === '' && !evidence[0]!.isTyped).toBe(false);
      }
    });

    it('lets one run per session and maxSlots in all be open', () => {
      const open = ['one', 'two', 'three'].map((id) => model.start(prefixRequest(id, 'The')));
      expect(model.canStart('one')).toBe(false);
      expect(model.canStart('four')).toBe(false);
      expect(() => model.start(prefixRequest('one', 'The'))).toThrow(TypeError);
      open[1]!.release();
      expect(model.canStart('four')).toBe(true);
      expect(model.canStart('two')).toBe(true);
      for (const run of open) run.release();
      expect(model.canStart('one')).toBe(true);
    });

    it('refuses a conversation that does not fit and takes the end of a long text', async () => {
      const content = 'The garden behind the house is quiet. '.repeat(40);
      const asked = {
        sessionId: 'long',
        maxTokens: 4,
        input: { kind: 'text', text: content },
      } as const;
      expect(() => model.start(asked)).toThrow(expect.objectContaining({ code: 'context-full' }));
      const { usage } = await cold(prefixRequest('', content));
      expect(usage.inputTokens).toBeGreaterThan(60);
      expect(usage.inputTokens).toBeLessThanOrEqual(122);
    });

    it('answers messages through the chat template', async () => {
      const content = 'What is the weather like?';
      const messages = [{ role: 'user', content }] as const;
      const input = { kind: 'messages', messages } as const;
      const answer = await cold({ sessionId: '', input, maxTokens: 4 });
      const asText = await cold({
        sessionId: '',
        input: { kind: 'text', text: content },
        maxTokens: 4,
      });
      expect(comparable(asText)).toEqual(comparable(answer));
      expect(answer.usage.inputTokens).toBeGreaterThan(model.countTokens(content));
    });

    it('ends open runs when it is disposed of', async () => {
      const loaded = await load();
      const run = loaded.start(prefixRequest('a', 'The'));
      await run.step();
      loaded.dispose();
      const closed = expect.objectContaining({ code: 'closed' });
      expect(() => run.step()).toThrow(closed);
      run.release();
      expect(() => loaded.start(prefixRequest('b', 'The'))).toThrow(closed);
      expect(loaded.canStart('b')).toBe(false);
      loaded.dispose();
    });

    it('loads the same model from pieces of any size', async () => {
      const request = prefixRequest('a', 'Please send the');
      const expected = comparable(await cold(request));
      for (const pieceBytes of [997, 65_536, file.length]) {
        const loaded = await options.createEngine().load(sourceOf(file, pieceBytes));
        expect(comparable(await generate(loaded, request))).toEqual(expected);
        loaded.dispose();
      }
    });

    it('stops loading at once when it is aborted, also while the source is stuck', async () => {
      const reason = new Error('the page is leaving');
      for (const stuckAt of [0, 2]) {
        const controller = new AbortController();
        const source: WeightSource = {
          ...sourceOf(file),
          async *chunks() {
            let count = 0;
            for await (const chunk of sourceOf(file).chunks()) {
              if (count++ === stuckAt) {
                controller.abort(reason);
                await new Promise(() => undefined);
              }
              yield chunk;
            }
          },
        };
        const loading = options.createEngine().load(source, { signal: controller.signal });
        await expect(loading).rejects.toBe(reason);
      }
      const signal = AbortSignal.abort(reason);
      await expect(load({ signal })).rejects.toBe(reason);
    });

    it('refuses a file that is shorter or longer than it should be', async () => {
      const short = { ...sourceOf(file.subarray(0, file.length - 32)), sizeBytes: file.length };
      await expect(options.createEngine().load(short)).rejects.toMatchObject({
        code: 'size-mismatch',
      });
      const longer = new Uint8Array(file.length + 32);
      longer.set(file);
      const long = { ...sourceOf(longer), sizeBytes: file.length };
      await expect(options.createEngine().load(long)).rejects.toMatchObject({
        code: 'size-mismatch',
      });
    });

    it('refuses what is not a model file', async () => {
      const page = new TextEncoder().encode('<!doctype html><title>404</title>'.repeat(100));
      await expect(options.createEngine().load(sourceOf(page))).rejects.toMatchObject({
        name: 'ModelError',
        code: 'bad-format',
      });
      const empty = new Uint8Array(0);
      await expect(options.createEngine().load(sourceOf(empty))).rejects.toMatchObject({
        code: 'bad-format',
      });
      const cut = sourceOf(file.subarray(0, 1000));
      await expect(options.createEngine().load(cut)).rejects.toMatchObject({ code: 'bad-format' });
    });

    it('passes on what the source throws when it has a type, and gives the rest one', async () => {
      const failing = (error: Error): WeightSource => ({
        ...sourceOf(file),
        async *chunks() {
          yield file.subarray(0, 1000);
          throw error;
        },
      });
      const plain = new Error('disk on fire');
      const loading = options.createEngine().load(failing(plain));
      await expect(loading).rejects.toMatchObject({ code: 'load-failed', cause: plain });
      const { NetworkError } = await import('../../src/errors.ts');
      const offline = new NetworkError('offline', 'no network');
      await expect(options.createEngine().load(failing(offline))).rejects.toBe(offline);
    });

    it('refuses wrong options at once and shows the right call', async () => {
      await expect(load({ maxSlots: 0 })).rejects.toThrow(TypeError);
      await expect(load({ contextLength: 1.5 })).rejects.toThrow(/contextLength.*engine\.load/u);
    });
  });
}

/** All but times and cache hits, which may differ. */
function comparable({ text, evidence, reason, usage }: Generation): unknown {
  return { text, evidence, reason, inputTokens: usage.inputTokens };
}
