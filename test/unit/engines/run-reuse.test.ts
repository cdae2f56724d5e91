import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startRun } from '../../../src/engines/wasm/run.ts';
import { EngineError } from '../../../src/errors.ts';
import type { EngineStep } from '../../../src/types.ts';
import { createModel, finish, generate, request, tokenizer } from './run-model.ts';
import { END_ID, idOf } from './word-tokenizer.ts';

describe('KV reuse', () => {
  const letters = fc.string({
    unit: fc.constantFrom('a', 'b', ' the', ' we', '.', ' is'),
    maxLength: 9,
  });

  it('gives the tokens of a cold run, whatever was typed before', () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 2, maxLength: 8 }), fc.nat(4), (texts, kept) => {
        const warm = createModel({ keptLogits: kept });
        for (const text of texts) {
          const wanted = { input: { kind: 'prefix', before: text }, maxTokens: 4 } as const;
          const cold = generate(createModel({}), wanted);
          const reused = generate(warm, wanted);
          expect(reused.texts).toEqual(cold.texts);
          expect(reused.evidence).toEqual(cold.evidence);
        }
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  it('computes only what is new', () => {
    const model = createModel({});
    generate(model, { input: { kind: 'text', text: '0123456789' }, maxTokens: 1 });
    const before = model.decoder.computed;
    const { end } = generate(model, { input: { kind: 'text', text: '01234567890' }, maxTokens: 1 });
    expect(end.usage).toMatchObject({ inputTokens: 11, cachedTokens: 10 });
    expect(model.decoder.computed - before).toBe(1);
  });

  it('computes nothing for a prompt and an answer that it gave before', () => {
    const model = createModel({ keptLogits: 8 });
    const first = generate(model, { maxTokens: 4 });
    const before = model.decoder.computed;
    const second = generate(model, { maxTokens: 4 });
    expect(second.end.usage).toMatchObject({ inputTokens: 2, cachedTokens: 2 });
    expect(second.prefills).toEqual([]);
    expect(second.texts).toEqual(first.texts);
    expect(second.evidence).toEqual(first.evidence);
    expect(model.decoder.computed).toBe(before);
  });

  it('computes nothing while the letters of its own first words are typed', () => {
    const script = [' weather', ' is', ' fine'];
    // Likeliest after "see": the words one after the other, and then the end.
    const score = (tokens: readonly number[], id: number): number => {
      const said = tokens.slice(tokens.indexOf(idOf(tokenizer, 'e')) + 2).length;
      return id === (said < 3 ? idOf(tokenizer, script[said]!) : END_ID) ? 9 : 0;
    };
    const model = createModel({ keptLogits: 8, score });
    const text = 'see weather is';
    let computed = -1;
    for (let length = 'see '.length; length <= text.length; length++) {
      const before = text.slice(0, length);
      const result = generate(model, { input: { kind: 'prefix', before }, maxTokens: 3 });
      if (computed === -1) computed = model.decoder.computed;
      expect(before + result.text.slice(0, text.length - length)).toBe(text);
    }
    // After the first key only what lies behind the end of its suggestion is new.
    expect(model.decoder.computed - computed).toBeLessThanOrEqual(3);
  });

  it('never takes what was said after other tokens of the same number', () => {
    const letter = (text: string): number => idOf(tokenizer, text);
    // After "abcdef" comes z, after anything else g.
    const score = ([, second]: readonly number[], id: number): number =>
      id === (second === letter('b') ? letter('z') : letter('g')) ? 9 : 0;
    const model = createModel({ keptLogits: 2, score });
    const say = (text: string, maxTokens: number): string =>
      generate(model, { input: { kind: 'text', text }, maxTokens }).text;
    expect(say('abcdef', 1)).toBe('z');
    expect(say('ax', 6)).toBe('gggggg');
    expect(say('axgggg', 1)).toBe('g');
  });

  it('computes the last prompt token again where logits are not kept', () => {
    const model = createModel({ keptLogits: 0 });
    const first = generate(model);
    const second = generate(model);
    expect(second.end.usage).toMatchObject({ inputTokens: 2, cachedTokens: 1 });
    expect(second.texts).toEqual(first.texts);
  });

  it('keeps no logits of a session that nothing continues', () => {
    const model = createModel({});
    generate(model, { isOneShot: true });
    expect(generate(model).end.usage).toMatchObject({ inputTokens: 2, cachedTokens: 1 });
  });

  it('is exact after a run was given up anywhere', () => {
    for (let steps = 0; steps < 8; steps++) {
      const model = createModel({});
      const given = startRun(
        request({ input: { kind: 'text', text: '0123456789abcdef01' } }),
        model,
      );
      for (let step = 0; step < steps; step++) void given.step();
      given.release();
      const next = { input: { kind: 'text', text: '0123456789abcdXf0123' } } as const;
      expect(generate(model, next).texts).toEqual(generate(createModel({}), next).texts);
    }
  });

  it('keeps sessions apart when their steps alternate', () => {
    const asked = ['one text', 'another text', 'one text more'].map((text, index) =>
      request({ sessionId: `s${index}`, input: { kind: 'text', text } }),
    );
    const alone = asked.map((one) => finish(startRun(one, createModel({}))));
    const model = createModel({});
    const runs = asked.map((one) => startRun(one, model));
    const texts = runs.map((): string[] => []);
    for (let round = 0; round < 30; round++) {
      for (const [index, run] of runs.entries()) {
        const step = run.step() as EngineStep;
        if (step.type === 'token') texts[index]!.push(step.text);
      }
    }
    expect(texts).toEqual(alone.map((result) => result.texts));
  });

  it('is dropped when a computation fails', () => {
    const model = createModel({});
    generate(model, { input: { kind: 'text', text: '0123456789' } });
    const broken = startRun(request({ input: { kind: 'text', text: '01234xxxxxxxxxxxxxx' } }), {
      ...model,
      decoder: {
        ...model.decoder,
        beginForward: () => ({
          advance: () => {
            throw new WebAssembly.RuntimeError('unreachable');
          },
        }),
      },
    });
    expect(() => broken.step()).toThrow(EngineError);
    broken.release();
    const { end } = generate(model, { input: { kind: 'text', text: '0123456789' } });
    expect(end.usage.cachedTokens).toBe(5);
  });
});

describe('a run that computes only its prompt', () => {
  const input = { kind: 'prefix', before: 'see the weather is fi' } as const;

  it('gives no token, and the next request starts with its first one', () => {
    const model = createModel({});
    const prepared = generate(model, { input, isPromptOnly: true });
    expect(prepared.texts).toEqual([]);
    expect(prepared.end).toMatchObject({ reason: 'length', usage: { outputTokens: 0 } });
    const { inputTokens } = prepared.end.usage;
    expect(model.decoder.computed).toBe(inputTokens);
    const result = generate(model, { input });
    expect(result.prefills).toEqual([]);
    expect(result.end.usage).toMatchObject({ inputTokens, cachedTokens: inputTokens });
    const cold = generate(createModel({}), { input });
    expect(result.texts).toEqual(cold.texts);
    expect(result.evidence).toEqual(cold.evidence);
  });

  it('computes nothing the second time', () => {
    const model = createModel({});
    generate(model, { input, isPromptOnly: true });
    const before = model.decoder.computed;
    expect(generate(model, { input, isPromptOnly: true }).prefills).toEqual([]);
    expect(model.decoder.computed).toBe(before);
  });
});

describe('a part of a step', () => {
  it('gives the step once it is complete, and nothing before', () => {
    const whole = generate(createModel({}));
    const run = startRun(request(), createModel({}));
    const steps: EngineStep[] = [];
    let nulls = 0;
    for (;;) {
      const step = run.stepPart!();
      if (step === null) nulls += 1;
      else steps.push(step);
      if (step?.type === 'end') break;
    }
    const tokens = steps.filter((step) => step.type === 'token');
    expect(tokens.map(({ text }) => text)).toEqual(whole.texts);
    // Two before the last part of each pass of the fake decoder: the prompt's, and one after each token.
    expect(whole.end.reason).toBe('stop');
    expect(nulls).toBe(2 * (1 + tokens.length));
  });

  it('lets other sessions compute in between, and be given up', () => {
    const asked = ['0123456789012345', 'another text'].map((text, index) =>
      request({ sessionId: `s${index}`, input: { kind: 'text', text } }),
    );
    const alone = asked.map((one) => finish(startRun(one, createModel({}))).texts);
    const model = createModel({});
    const [left, right] = asked.map((one) => startRun(one, model));
    for (let part = 0; part < 2; part++) {
      expect(left!.stepPart!()).toBeNull();
      expect(right!.stepPart!()).toBeNull();
    }
    left!.release();
    expect(finish(right!).texts).toEqual(alone[1]);
    expect(finish(startRun(asked[0]!, model)).texts).toEqual(alone[0]);
  });
});
