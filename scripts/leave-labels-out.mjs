// Splits a training and a test file by label, for figures on texts a student cannot know:
//   node scripts/leave-labels-out.mjs --train train.csv --test test.csv --labels 15 --seed 1 --out DIR
// DIR gets train.jsonl and test.jsonl without the labels left out, and out-of-scope.jsonl with the
// test rows of these labels.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readLabelledTexts } from '../dist/specialise/labelled-texts.js';

/** mulberry32: the same labels for the same seed, everywhere. */
function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

function drawLabels(rows, count, random) {
  const labels = [...new Set(rows.map((row) => row.label))].toSorted((a, b) => (a < b ? -1 : 1));
  for (let index = labels.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [labels[index], labels[other]] = [labels[other], labels[index]];
  }
  return new Set(labels.slice(0, count));
}

const { values } = parseArgs({
  options: {
    train: { type: 'string' },
    test: { type: 'string' },
    labels: { type: 'string' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const train = readLabelledTexts(readFileSync(values.train), values.train);
const test = readLabelledTexts(readFileSync(values.test), values.test);
const leftOut = drawLabels(train, Number(values.labels), createRandom(Number(values.seed)));
const files = {
  'train.jsonl': train.filter(({ label }) => !leftOut.has(label)),
  'test.jsonl': test.filter(({ label }) => !leftOut.has(label)),
  'out-of-scope.jsonl': test.filter(({ label }) => leftOut.has(label)),
};
mkdirSync(values.out, { recursive: true });
for (const [name, rows] of Object.entries(files)) {
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
  writeFileSync(path.join(values.out, name), lines.join(''));
  console.log(`${name}  ${rows.length} rows`);
}
