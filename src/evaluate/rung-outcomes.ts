import type { Outcome } from '../cascade/outcome.ts';
import { readStudent, type Student } from '../students/ngram-student.ts';
import { trainNgramStudent, type LabelledText } from '../students/train-ngram.ts';
import { createRandom, shuffled } from './draws.ts';

export interface RungOutcomeOptions {
  readonly seed: number;
  /** Rows of each label that the lowest rung learns from. Default 20. */
  readonly rowsPerLabel?: number;
  readonly signal?: AbortSignal;
}

/** About what a new feature has on its first day. */
const ROWS_PER_LABEL = 20;
/** A message with the labels to choose from, and the label given back. */
const TOKENS = { input: 300, output: 10 } as const;
const TOKENS_PER_PRICE = 1e6;
/**
 * USD for 1M tokens in and out, provider lists of mid-2026: gpt-5.4-nano and GPT-5.5. The rungs only
 * stand in for such models; their prices decide how often asking pays.
 */
const PRICES = { slm: { input: 0.2, output: 1.25 }, frontier: { input: 5, output: 30 } } as const;

/**
 * Outcomes of three rungs from labelled texts. `student` learnt from a few rows of each label,
 * `slm-stand-in` is a student that learnt from all rows, where an app would have a specialised model
 * in the cloud, `frontier-stand-in` is the label itself, where it would have a model that is nearly
 * always right. The topic is the lowest rung's own label, which is known at that time.
 *
 * @throws DataError `too-few-rows` when no training row has both a word and a label.
 */
export async function buildRungOutcomes(
  rows: { readonly training: readonly LabelledText[]; readonly test: readonly LabelledText[] },
  options: RungOutcomeOptions,
): Promise<Outcome[]> {
  const { seed, signal, rowsPerLabel = ROWS_PER_LABEL } = options;
  const control = { seed, ...(signal === undefined ? {} : { signal }) };
  const few = takeOfEach(shuffled(rows.training, createRandom(seed)), rowsPerLabel);
  const student = readStudent(await trainNgramStudent(few, control));
  const slm = readStudent(await trainNgramStudent(rows.training, control));
  return rows.test.map((row, index) => answerRow(row, index, { student, slm }));
}

function takeOfEach(rows: readonly LabelledText[], most: number): LabelledText[] {
  const taken = new Map<string, number>();
  return rows.filter(({ label }) => {
    const count = taken.get(label) ?? 0;
    taken.set(label, count + 1);
    return count < most;
  });
}

function answerRow(
  { text, label }: LabelledText,
  index: number,
  { student, slm }: { readonly student: Student; readonly slm: Student },
): Outcome {
  const low = student.predict(text);
  const middle = slm.predict(text);
  return {
    id: `row-${index + 1}`,
    text,
    topic: low.label,
    score: low.evidence.margin,
    deviceCorrect: low.label === label,
    cloudCorrect: true,
    deviceCost: 0,
    cloudCost: costOf(PRICES.frontier),
    tiers: [
      { id: 'student', correct: low.label === label, score: low.evidence.margin, cost: 0 },
      {
        id: 'slm-stand-in',
        correct: middle.label === label,
        score: middle.evidence.margin,
        cost: costOf(PRICES.slm),
      },
      { id: 'frontier-stand-in', correct: true, score: null, cost: costOf(PRICES.frontier) },
    ],
  };
}

function costOf(usd: { readonly input: number; readonly output: number }): number {
  return (TOKENS.input * usd.input + TOKENS.output * usd.output) / TOKENS_PER_PRICE;
}
