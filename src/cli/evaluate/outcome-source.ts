import path from 'node:path';
import type { Outcome } from '../../cascade/outcome.ts';
import { DataError } from '../../errors.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { readOutcomes } from '../../evaluate/read-outcomes.ts';
import { outcomesOfStudent } from '../../evaluate/student-outcomes.ts';
import { readLabelledTexts } from '../../specialise/labelled-texts.ts';
import { readStudent } from '../../students/ngram-student.ts';
import { parseStudentCard, STUDENT_CARD_FILE } from '../../students/student-card.ts';
import { readInputFile, writeOutputFile, type EvaluationInput } from '../evaluation-command.ts';
import { UsageError } from '../usage-error.ts';

export interface OutcomeSource {
  readonly outcomes: readonly Outcome[];
  /** Of the outcomes file, or of the labelled texts. */
  readonly dataSha256: string;
}

/** Options of an evaluation that judges outcomes. */
export const OUTCOME_OPTIONS = {
  outcomes: { type: 'string' },
  model: { type: 'string' },
  test: { type: 'string' },
  'outcomes-out': { type: 'string' },
} as const;

/** Their lines of help. */
export const OUTCOME_HELP = `  --outcomes FILE what happened: JSON lines, gzipped or not
                  { "id", "score"?, "features"?, "topic"?, "text"?, "deviceCorrect", "cloudCorrect"? }
  --model DIR     or a student (see edgewise distil), which then answers
  --test FILE     these labelled texts
  --outcomes-out FILE  and its outcomes are written here
`;

/** The outcomes of a file, or of a student on labelled texts. */
export async function readOutcomeSource(input: EvaluationInput): Promise<OutcomeSource> {
  const file = input.text('outcomes');
  const model = input.text('model');
  if (file !== undefined && model !== undefined) {
    throw new UsageError('--outcomes and --model are two sources: give one.');
  }
  if (model === undefined) {
    const name = input.requiredText('outcomes');
    const bytes = await readInputFile(name);
    return { outcomes: await readOutcomes(bytes, name), dataSha256: await dataHash(bytes) };
  }
  const test = input.requiredText('test');
  const rows = await readInputFile(test);
  const outcomes = outcomesOfStudent(await openStudent(model), readLabelledTexts(rows, test));
  const out = input.text('outcomes-out');
  if (out !== undefined) {
    await writeOutputFile(out, outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join(''));
  }
  return { outcomes, dataSha256: await dataHash(rows) };
}

async function openStudent(folder: string) {
  const card = await readInputFile(path.join(folder, STUDENT_CARD_FILE));
  const { file } = parseStudentCard(parseJson(card, folder));
  return readStudent(await readInputFile(path.join(folder, file)));
}

function parseJson(bytes: Uint8Array, folder: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DataError('bad-row', `${folder}/${STUDENT_CARD_FILE} is no JSON.`, { cause });
  }
}
