// Writes the streams that `edgewise evaluate loop` is judged on: a student is trained without some of
// the labels, then meets requests that change half-way. Needs a built `dist`.
//
//   node scripts/loop-stream.mjs --train FILE --rows FILE --out FOLDER [--groups FILE] [--hold-out 30]
//     [--students 5] [--streams 20] [--seed 1] [--unseen 0.3]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom, shuffled } from '../dist/evaluate/draws.js';
import { buildStream } from '../dist/evaluate/stream.js';
import { readLabelledTexts } from '../dist/specialise/labelled-texts.js';
import { readStudent } from '../dist/students/ngram-student.js';
import { trainNgramStudent } from '../dist/students/train-ngram.js';

const { values } = parseArgs({
  options: {
    train: { type: 'string' },
    rows: { type: 'string' },
    out: { type: 'string' },
    groups: { type: 'string' },
    'hold-out': { type: 'string', default: '30' },
    students: { type: 'string', default: '5' },
    streams: { type: 'string', default: '20' },
    unseen: { type: 'string', default: '0.3' },
    seed: { type: 'string', default: '1' },
  },
});
for (const name of ['train', 'rows', 'out']) {
  if (values[name] === undefined) throw new Error(`--${name} is missing.`);
}

const train = readLabelledTexts(readFileSync(values.train), values.train);
const rows = readLabelledTexts(readFileSync(values.rows), values.rows);
const groupOf = readGroups(values.groups);
const labels = [...new Set(train.map(({ label }) => label))].toSorted();
const [students, streams, seed] = [values.students, values.streams, values.seed].map(Number);
mkdirSync(values.out, { recursive: true });

for (let index = 0; index < students; index += 1) {
  const unseen = new Set(
    shuffled(labels, createRandom(seed * 1000 + index)).slice(0, Number(values['hold-out'])),
  );
  const known = train.filter(({ label }) => !unseen.has(label));
  const student = readStudent(await trainNgramStudent(known, { seed: seed + index }));
  const predictions = new Map(rows.map(({ text }) => [text, predict(student, text)]));
  for (let number = index + 1; number <= streams; number += students) {
    const built = buildStream({
      rows,
      unseen,
      predict: (text) => predictions.get(text),
      groupOf,
      random: createRandom(seed * 1_000_000 + number),
      unseenShare: Number(values.unseen),
    });
    write(`${number}.labels.jsonl`, built.labels);
    write(`${number}.stream.jsonl`, built.stream);
  }
  process.stderr.write(`student ${index + 1} of ${students}\n`);
}

function predict(student, text) {
  const { label, evidence } = student.predict(text);
  return { label, score: evidence.margin };
}

/** `{ group: [label, …] }`: what the mix of requests is shifted over. */
function readGroups(file) {
  if (file === undefined) return (label) => label;
  const groups = Object.entries(JSON.parse(readFileSync(file, 'utf8')));
  const byLabel = new Map(
    groups.flatMap(([group, members]) => members.map((each) => [each, group])),
  );
  return (label) => byLabel.get(label) ?? label;
}

function write(name, outcomes) {
  const lines = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`);
  writeFileSync(path.join(values.out, name), lines.join(''));
}
