import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { DataError, ModelError } from '../../../src/errors.ts';
import { readStudent } from '../../../src/students/ngram-student.ts';
import {
  trainNgramStudent,
  updateNgramStudent,
  type LabelledText,
} from '../../../src/students/train-ngram.ts';

const SUBJECTS = ['card', 'phone', 'account', 'order', 'ticket', 'parcel', 'bill', 'loan'];
const PHRASES: Readonly<Record<string, readonly string[]>> = {
  lost: ['I lost my #', 'my # was stolen', 'cannot find the #', '# is gone missing'],
  late: [
    'where is my #',
    'my # has not arrived',
    'how long does the # take',
    'still waiting for #',
  ],
  price: ['how much is a #', 'what does the # cost', 'price of a #', 'are there fees for the #'],
};
const ROWS: readonly LabelledText[] = Object.entries(PHRASES).flatMap(([label, phrases]) =>
  phrases.flatMap((phrase) =>
    SUBJECTS.map((subject) => ({ text: phrase.replace('#', subject), label })),
  ),
);

let bytes: Uint8Array;

beforeAll(async () => {
  bytes = await trainNgramStudent(ROWS);
});

/** Any code points, lone surrogates too. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0x10_ff_ff }), { maxLength: 100 })
  .map((points) => String.fromCodePoint(...points));

describe('a trained student', () => {
  it('knows its labels in order and sorts texts it has not seen', () => {
    const student = readStudent(bytes);
    expect(student.labels).toEqual(['late', 'lost', 'price']);
    expect(student.predict('Where is my new passport?').label).toBe('late');
    expect(student.predict('someone has STOLEN my bike').label).toBe('lost');
    expect(student.predict('what would a passport cost').label).toBe('price');
  });

  it('gives probabilities that sum to 1 and evidence made of them, for any text', () => {
    const student = readStudent(bytes);
    fc.assert(
      fc.property(anyText, (text) => {
        const { label, probabilities, evidence } = student.predict(text);
        const values = Object.values(probabilities).toSorted((a, b) => b - a);
        expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
        expect(probabilities[label]).toBe(values[0]);
        expect(evidence.topProbability).toBe(values[0]);
        expect(evidence.margin).toBeCloseTo((values[0] ?? 0) - (values[1] ?? 0), 12);
        expect(evidence.entropy).toBeGreaterThanOrEqual(0);
        expect(evidence.entropy).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is the same for the same rows and seed, and another for another seed', async () => {
    expect(await trainNgramStudent(ROWS)).toEqual(bytes);
    expect(await trainNgramStudent(ROWS, { seed: 2 })).not.toEqual(bytes);
  });

  it('answers the same from a view into a larger buffer', () => {
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    const text = 'where is it';
    const expected = readStudent(bytes).predict(text);
    expect(readStudent(larger.subarray(3)).predict(text)).toEqual(expected);
    // Node's Buffer slices without copying.
    expect(readStudent(Buffer.from(larger).subarray(3)).predict(text)).toEqual(expected);
  });

  it('stays close to 8 bits a weight with 4', async () => {
    const precise = readStudent(await trainNgramStudent(ROWS, { bitsPerWeight: 8 }));
    const student = readStudent(bytes);
    expect(student.facts.quantisation).toBe('int4');
    expect(precise.facts.quantisation).toBe('int8');
    expect(precise.facts.sizeBytes).toBeGreaterThan(student.facts.sizeBytes);
    for (const { text } of ROWS) {
      const [rough, exact] = [student.predict(text), precise.predict(text)];
      expect(rough.label).toBe(exact.label);
      const { topProbability: top } = exact.evidence;
      expect(Math.abs((rough.evidence.topProbability ?? 0) - (top ?? 0))).toBeLessThan(0.05);
    }
  });

  it('calls a text without words foreign and leaves an unfitted distance unknown', () => {
    const student = readStudent(bytes);
    expect(student.predict('?!').evidence.trainingDistance).toBe(1);
    expect(student.predict('where is my card').evidence.trainingDistance).toBeNull();
  });

  it('answers a text of 100 kB', () => {
    const long = 'where is my card '.repeat(6_000);
    expect(long.length).toBeGreaterThan(100_000);
    expect(readStudent(bytes).predict(long).label).toBe('late');
  });
});

describe('training', () => {
  it('takes one row', async () => {
    const student = readStudent(await trainNgramStudent([{ text: 'hello', label: 'greeting' }]));
    const { label, evidence } = student.predict('anything at all');
    expect(label).toBe('greeting');
    expect(evidence).toEqual({
      topProbability: 1,
      margin: 1,
      entropy: 0,
      trainingDistance: null,
    });
  });

  it('takes labels of every kind of name', async () => {
    const labels = ['__proto__', 'constructor', '', 'ü😀', '0'];
    const rows = labels.map((label, index) => ({ text: `word${index} only`, label }));
    const student = readStudent(await trainNgramStudent(rows));
    for (const [index, label] of labels.entries()) {
      const answer = student.predict(`word${index} only`);
      expect(answer.label).toBe(label);
      expect(Object.keys(answer.probabilities).toSorted()).toEqual(labels.toSorted());
    }
  });

  it('gives labels of contradictory rows their share', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => ({
      text: 'my card is gone',
      label: index % 4 === 0 ? 'stolen' : 'lost',
    }));
    const { probabilities } = readStudent(await trainNgramStudent(rows)).predict('my card is gone');
    expect(probabilities['stolen']).toBeGreaterThan(0.1);
    expect(probabilities['stolen']).toBeLessThan(0.45);
  });

  it('leaves out rows without a word and says how many it used', async () => {
    const rows = [...ROWS, { text: '', label: 'late' }, { text: ' ?! ', label: 'nothing' }];
    const student = readStudent(await trainNgramStudent(rows));
    expect(student.facts.trainedRows).toBe(ROWS.length);
    expect(student.labels).toContain('nothing');
  });

  it.each([[[]], [[{ text: '…', label: 'a' }]]])('refuses %j', async (rows) => {
    const training = trainNgramStudent(rows);
    await expect(training).rejects.toBeInstanceOf(DataError);
    await expect(training).rejects.toMatchObject({ code: 'too-few-rows' });
  });

  it('reports progress up to the end and stops when told', async () => {
    const seen: number[] = [];
    await trainNgramStudent(ROWS, {
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    const stop = new AbortController();
    const reason = new Error('enough');
    const training = trainNgramStudent(ROWS, {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(training).rejects.toBe(reason);
  });
});

describe('learning on the device', () => {
  const CORRECTIONS: readonly LabelledText[] = [
    { text: 'please close my account', label: 'close' },
    { text: 'I want to close everything', label: 'close' },
    { text: 'delete my profile for good', label: 'close' },
  ];

  it('adds a new label behind the others, in the same format', async () => {
    const updated = readStudent(await updateNgramStudent(bytes, CORRECTIONS));
    expect(updated.labels).toEqual(['late', 'lost', 'price', 'close']);
    expect(updated.predict('close the account please').label).toBe('close');
    expect(updated.facts.trainedRows).toBe(ROWS.length + CORRECTIONS.length);
  });

  it('keeps what it knew', async () => {
    const updated = readStudent(await updateNgramStudent(bytes, CORRECTIONS));
    const right = ROWS.filter(({ text, label }) => updated.predict(text).label === label).length;
    expect(right / ROWS.length).toBeGreaterThan(0.97);
  });

  it('learns a corrected answer', async () => {
    const wrong = { text: 'the courier dropped my parcel in a lake', label: 'lost' };
    const before = readStudent(bytes).predict(wrong.text).probabilities['lost'] ?? 0;
    const updated = readStudent(await updateNgramStudent(bytes, [wrong]));
    const after = updated.predict(wrong.text);
    expect(after.label).toBe('lost');
    expect(after.probabilities['lost']).toBeGreaterThan(before);
  });

  it('can be done again and again', async () => {
    let learnt = bytes;
    for (const row of CORRECTIONS) learnt = await updateNgramStudent(learnt, [row]);
    const student = readStudent(learnt);
    expect(student.labels).toHaveLength(4);
    for (const { text, label } of CORRECTIONS) expect(student.predict(text).label).toBe(label);
  });
});

describe('a damaged file', () => {
  it('is refused with a typed error wherever it is cut off', () => {
    for (const length of [0, 3, 7, 8, 100, bytes.length - 1]) {
      expect(() => readStudent(bytes.subarray(0, length))).toThrow(ModelError);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(() => readStudent(longer)).toThrow(/bytes where its header means/);
  });

  it('never gives an untyped exception or an answer that is no label', () => {
    const positions = fc.integer({ min: 0, max: bytes.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(positions, fc.nat(255)), { minLength: 1 }), (changes) => {
        const damaged = Uint8Array.from(bytes);
        for (const [position, value] of changes) damaged[position] = value;
        let student;
        try {
          student = readStudent(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
          expect((error as ModelError).code).toBe('bad-format');
          return;
        }
        const { label } = student.predict('where is my card');
        expect(student.labels).toContain(label);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['labels', []],
    ['labels', ['a', 7]],
    ['features', { buckets: 0, characterGrams: [2, 5], wordGrams: 2, pairWindow: 16 }],
    ['features', { buckets: 1e9, characterGrams: [2, 5], wordGrams: 2, pairWindow: 16 }],
    ['features', null],
    ['bitsPerWeight', 5],
    ['temperature', 0],
    ['typicalPerLabel', -1],
    ['version', 2],
  ])('is refused for a wrong "%s": %j', (name, value) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const headerEnd = 8 + view.getUint32(4, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, headerEnd))) as object;
    const text = new TextEncoder().encode(JSON.stringify({ ...header, [name]: value }));
    const changed = new Uint8Array(8 + text.length + bytes.length - headerEnd);
    changed.set(bytes.subarray(0, 4));
    new DataView(changed.buffer).setUint32(4, text.length, true);
    changed.set(text, 8);
    changed.set(bytes.subarray(headerEnd), 8 + text.length);
    expect(() => readStudent(changed)).toThrow(ModelError);
  });
});
