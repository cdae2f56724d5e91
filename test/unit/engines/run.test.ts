import { describe, expect, it } from 'vitest';
import { startRun } from '../../../src/engines/wasm/run.ts';
import { EngineError } from '../../../src/errors.ts';
import type { EngineRequest } from '../../../src/types.ts';
import { createModel, createScripted, finish, generate, request, tokenizer } from './run-model.ts';
import { END_ID, idOf, TEMPLATE_ID } from './word-tokenizer.ts';

describe('a run', () => {
  it('computes the prompt in tiles, then gives one token a step, then ends', () => {
    const model = createScripted([' the', ' weather', ' is', ' fine']);
    const result = generate(model, { input: { kind: 'text', text: '01234567890123456789' } });
    expect(result.prefills).toEqual([
      { type: 'prefill', doneTokens: 8, totalTokens: 20 },
      { type: 'prefill', doneTokens: 16, totalTokens: 20 },
      { type: 'prefill', doneTokens: 20, totalTokens: 20 },
    ]);
    expect(model.decoder.largestCall).toBe(8);
    expect(result.texts).toEqual([' the', ' weather', ' is', ' fine']);
    expect(result.end.reason).toBe('stop');
    expect(result.end.usage).toMatchObject({ inputTokens: 20, cachedTokens: 0, outputTokens: 4 });
    expect(result.end.usage.busyMs).toBeGreaterThan(0);
  });

  it('says how probable each token was', () => {
    const { evidence } = generate(createScripted([' the', ' weather'], 0.8));
    for (const token of evidence) {
      expect(token.logProbability).toBeCloseTo(Math.log(0.8), 4);
      expect(token.margin).toBeGreaterThan(1);
      expect(token.isTyped).toBe(false);
    }
  });

  it('ends after the most tokens asked for', () => {
    const { texts, end } = generate(createScripted([' the', ' weather', ' is']), { maxTokens: 2 });
    expect(texts).toEqual([' the', ' weather']);
    expect(end).toMatchObject({ reason: 'length', usage: { outputTokens: 2 } });
  });

  it('ends when the context is full', () => {
    const model = createModel({ contextLength: 12, score: (_, id) => (id === 300 % 270 ? 1 : 0) });
    const { end, evidence } = generate(model, {
      input: { kind: 'text', text: '0123456789' },
      maxTokens: 100,
    });
    expect(end.reason).toBe('length');
    // Two positions are left after the prompt; the token after them needs no position.
    expect(evidence).toHaveLength(3);
  });

  it('ends at a special token that belongs to the template', () => {
    const model = createModel({ score: (_, id) => (id === TEMPLATE_ID ? 1 : 0) });
    expect(generate(model)).toMatchObject({ text: '', end: { reason: 'stop' } });
  });

  it('never gives half a character', () => {
    const bytes = [...new TextEncoder().encode('€')].map((byte) => byte + 2);
    let start = -1;
    const model = createModel({
      score(tokens, id) {
        if (start < 0) start = tokens.length;
        return id === (bytes[tokens.length - start] ?? END_ID) ? 5 : 0;
      },
    });
    expect(generate(model).texts).toEqual(['', '', '€']);
    start = -1;
    expect(generate(model, { sessionId: 'b', maxTokens: 2 }).texts).toEqual(['', '']);
  });

  it('stops before a stop string and holds back what may become one', () => {
    const model = createScripted([' the', ' weather', ' is', ' fine', '.']);
    const result = generate(model, { stop: ['r is f'] });
    expect(result.texts).toEqual([' the', ' weathe', '', '']);
    expect(result.text).toBe(' the weathe');
    expect(result.end).toMatchObject({ reason: 'stop', usage: { outputTokens: 4 } });
  });

  it('gives what was held back when it is over without the stop string', () => {
    const model = createScripted([' the', ' weather']);
    const atEnd = generate(model, { stop: [' weather is'] });
    expect(atEnd.texts).toEqual([' the', '', ' weather']);
    expect(atEnd.end).toMatchObject({ reason: 'stop', usage: { outputTokens: 2 } });
    const atLength = generate(createScripted([' the', ' weather']), {
      stop: [' weather is'],
      maxTokens: 2,
    });
    expect(atLength.texts).toEqual([' the', ' weather']);
  });

  it('ends early once the product of probabilities is too low', () => {
    const model = createScripted([' the', ' weather', ' is', ' fine'], 0.8);
    const { end, texts } = generate(model, { minProduct: 0.6 });
    // 0.8 and 0.64 pass, 0.512 does not: its token shows how far it fell.
    expect(end.reason).toBe('low-confidence');
    expect(texts).toHaveLength(3);
  });

  it('draws the same text for the same seed', () => {
    const draw = (seed: number): string =>
      generate(createModel({}), { sampling: { temperature: 1, seed }, maxTokens: 20 }).text;
    expect(draw(3)).toBe(draw(3));
    expect(draw(3)).not.toBe(draw(4));
  });

  it('never generates rows of the model that are no tokens', () => {
    const rows = tokenizer.vocabularySize + 10;
    const score = (tokens: readonly number[], id: number): number =>
      (id * 7 + tokens.length) % rows;
    const known = Uint32Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
    const { evidence, end } = generate({ ...createModel({ rows, score }), known });
    expect(evidence.length + (end.reason === 'stop' ? 1 : 0)).toBeGreaterThan(0);
  });

  it('penalises what the prompt and the answer already said', () => {
    const score = (_: readonly number[], id: number): number =>
      id === idOf(tokenizer, ' the')
        ? 2
        : id === idOf(tokenizer, ' we')
          ? 1.9
          : id === END_ID
            ? -9
            : 0;
    const { texts } = generate(createModel({ score }), {
      sampling: { repetitionPenalty: 1.1 },
      maxTokens: 3,
    });
    expect(texts).toEqual([' the', ' we', ' the']);
  });
});

describe('a run that continues text', () => {
  const prefix = (before: string): Pick<EngineRequest, 'input'> => ({
    input: { kind: 'prefix', before },
  });

  it('heals the word being typed and gives only what is new', () => {
    const result = generate(createScripted([' weather', ' is']), prefix('hello we'));
    expect(result.texts).toEqual(['ather', ' is']);
    expect(result.evidence[0]?.isTyped).toBe(false);
  });

  it('marks a token that only repeats what was typed, and does not count it', () => {
    // First " the" with 0.62 among the allowed, then " is" for certain: 0.62 alone would be too low.
    let promptLength = -1;
    const score = (tokens: readonly number[], id: number): number => {
      if (promptLength < 0) promptLength = tokens.length;
      const script = [' the', ' is'][tokens.length - promptLength];
      if (id === (script === undefined ? END_ID : idOf(tokenizer, script))) return 20;
      return tokens.length === promptLength && id === idOf(tokenizer, ' them') ? 19.5 : 0;
    };
    const wanted = { ...prefix('see the'), minProduct: 0.63 };
    const result = generate(createModel({ score }), { ...wanted, maxTokens: 2 });
    expect(result.evidence[0]?.logProbability).toBeCloseTo(Math.log(0.62), 1);
    expect(result).toMatchObject({ texts: ['', ' is'], end: { reason: 'length' } });
    expect(result.evidence.map(({ isTyped }) => isTyped)).toEqual([true, false]);
  });

  it('measures the first token among those that agree with what was typed', () => {
    const score = (_: readonly number[], id: number): number =>
      id === idOf(tokenizer, ' the') ? 1 : id === idOf(tokenizer, ' them') ? 0 : 9;
    const { evidence } = generate(createModel({ score }), { ...prefix('see the'), maxTokens: 1 });
    expect(evidence[0]?.logProbability).toBeCloseTo(-Math.log(1 + Math.exp(-1)), 5);
    expect(evidence[0]?.margin).toBeCloseTo(1, 5);
  });

  it('goes on inside a word that no token has whole', () => {
    const result = generate(createScripted(['ed', ' and']), prefix('is unfinishe'));
    expect(result.texts).toEqual(['d', ' and']);
    expect(result.end.usage.inputTokens).toBe(2);
  });

  it('works inside a character of several bytes', () => {
    // No token has the whole letter: its two bytes are taken as typed.
    const letter = generate(createScripted([' is']), prefix('é'));
    expect(letter).toMatchObject({ texts: [' is'], end: { usage: { inputTokens: 2 } } });
    const emoji = generate(createScripted([' :)']), prefix('see :'));
    expect(emoji.texts).toEqual([')']);
  });

  it('starts from nothing', () => {
    const result = generate(createScripted([' the']), prefix(''));
    expect(result).toMatchObject({ text: ' the', end: { usage: { inputTokens: 1 } } });
  });

  it('puts the start token first where the model wants one', () => {
    const model = createScripted([' weather']);
    const withStart = { ...tokenizer, bosId: TEMPLATE_ID, addsBos: true };
    const run = startRun(request(prefix('hello we')), { ...model, tokenizer: withStart });
    expect(finish(run)).toMatchObject({ text: 'ather', end: { usage: { inputTokens: 6 } } });
  });

  it('drops the start of a long text in steps, so that the cache stays good', () => {
    const model = createModel({});
    const text = 'abcdefghijklmnopqrstuvwxyz '.repeat(10);
    let computed = 0;
    for (let length = 150; length < 190; length++) {
      const before = text.slice(0, length);
      const { end } = generate(model, { ...prefix(before), maxTokens: 8 });
      expect(end.usage.inputTokens).toBeLessThanOrEqual(56);
      expect(end.usage.inputTokens).toBeGreaterThan(20);
      computed += end.usage.inputTokens - end.usage.cachedTokens;
    }
    // Computing each prompt anew would take about 40 times 48 tokens.
    expect(computed).toBeLessThan(700);
  });

  it('leaves room for text when more tokens are asked for than fit', () => {
    const { end } = generate(createModel({}), { ...prefix('see the weather'), maxTokens: 500 });
    expect(end.usage.inputTokens).toBeGreaterThan(2);
  });
});

describe('a run is refused', () => {
  it('when the conversation is longer than the context', () => {
    const long = request({ input: { kind: 'text', text: 'x'.repeat(64) } });
    expect(() => startRun(long, createModel({}))).toThrow(EngineError);
    expect(() => startRun(long, createModel({}))).toThrow(/64 tokens.*room for 63/u);
    const fits = request({ input: { kind: 'text', text: 'x'.repeat(63) } });
    expect(finish(startRun(fits, createModel({}))).evidence.length).toBeGreaterThan(0);
  });

  it.each<Partial<EngineRequest>>([
    { sessionId: '' },
    { maxTokens: 0 },
    { maxTokens: 1.5 },
    { minProduct: 2 },
    { stop: [''] },
    { sampling: { topP: 0 } },
    { input: { kind: 'image' } as unknown as EngineRequest['input'] },
  ])('for %j, and takes no slot', (overrides) => {
    const model = createModel({ maxSlots: 1 });
    expect(() => startRun(request(overrides), model)).toThrow(TypeError);
    expect(model.slots.canTake('a')).toBe(true);
  });

  it('while the session has another one', () => {
    const model = createModel({});
    const run = startRun(request(), model);
    expect(() => startRun(request(), model)).toThrow(TypeError);
    run.release();
    run.release();
    expect(() => run.step()).toThrow(EngineError);
    startRun(request(), model).release();
  });

  it('and its second release frees nobody else', () => {
    const model = createModel({ maxSlots: 1 });
    const run = startRun(request(), model);
    run.release();
    startRun(request({ sessionId: 'b' }), model);
    run.release();
    expect(model.slots.canTake('c')).toBe(false);
  });
});
