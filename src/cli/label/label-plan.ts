import path from 'node:path';
import { findAnswerSet, readLabel, sameLabel } from '../../audit/answer-set.ts';
import { findThreshold } from '../../cascade/student-threshold.ts';
import { DataError } from '../../errors.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { createRandom } from '../../evaluate/draws.ts';
import { pickRows } from '../../specialise/pick-rows.ts';
import { readStudent, type Student } from '../../students/ngram-student.ts';
import { parseStudentCard, STUDENT_CARD_FILE } from '../../students/student-card.ts';
import { CERTIFICATES_FILE, parseCertificates } from '../../students/student-certificates.ts';
import type { ClassificationScore } from '../../types.ts';
import { readInputFile } from '../evaluation-command.ts';
import { planOf } from './label-session.ts';
import { chooseQuestion, judgeQuestion, type LabelQuestion, type LabelTask } from './label-task.ts';
import { readLabelRows, type LabelRow } from './label-rows.ts';

export interface PlanOptions {
  readonly file: string;
  /** Folder of a student; `null`: the rows have the device's answers. */
  readonly model: string | null;
  readonly count: number;
  readonly randomShare: number;
  /** `null`: the certified one of the student, else the middle of the scores. */
  readonly threshold: number | null;
  readonly lossBudget: number;
  /** Name of "none of these". */
  readonly other: string;
  readonly seed: number;
}

export interface LabelPlan {
  readonly tasks: readonly LabelTask[];
  readonly question: LabelQuestion;
  /** Names rows, model and options. */
  readonly id: string;
  readonly rows: number;
  /** Score around which rows count as near; `null`: no row has a score. */
  readonly threshold: number | null;
}

type AnsweredRow = Omit<LabelTask, 'sample' | 'weight'>;

interface Answers {
  readonly rows: readonly AnsweredRow[];
  readonly question: LabelQuestion;
  readonly modelSha256: string | null;
  readonly certified: number | null;
}

/** Which rows of a file are to be labelled, and how. Same file, model and options: same plan. */
export async function planLabels(options: PlanOptions): Promise<LabelPlan> {
  const { file, model, count, randomShare, seed, other } = options;
  const bytes = await readInputFile(file);
  const rows = await readLabelRows(bytes, file);
  const answers =
    model === null ? ownAnswers(rows, file) : await askStudent(rows, { ...options, model });
  const scores = answers.rows.map(({ score }) => score);
  const threshold = options.threshold ?? answers.certified ?? middleOf(scores);
  const random = createRandom(seed);
  const picked = pickRows(scores, { count, randomShare, threshold, random });
  return {
    tasks: picked.flatMap(({ index, sample, weight }) => {
      const row = answers.rows[index];
      return row === undefined ? [] : [{ ...row, sample, weight }];
    }),
    question: answers.question,
    id: planOf(
      await dataHash(bytes),
      answers.modelSha256,
      threshold,
      count,
      randomShare,
      seed,
      other,
    ),
    rows: rows.length,
    threshold,
  };
}

function ownAnswers(rows: readonly LabelRow[], file: string): Answers {
  const answered = rows.flatMap((row) =>
    row.deviceAnswer === null ? [] : [{ ...row, deviceAnswer: row.deviceAnswer }],
  );
  if (answered.length === 0) {
    throw new DataError(
      'too-few-rows',
      `${file} has no answers of the device: give --model DIR, a student that answers (\`edgewise distil\` makes one), or rows with "deviceAnswer".`,
    );
  }
  return { rows: answered, question: judgeQuestion(), modelSha256: null, certified: null };
}

async function askStudent(
  rows: readonly LabelRow[],
  { model, lossBudget, other }: { model: string; lossBudget: number; other: string },
): Promise<Answers> {
  const { student, sha256, scoreName, certified } = await openStudent(model, lossBudget);
  const cloud = rows.flatMap(({ cloudAnswer }) => cloudAnswer ?? []);
  const set = cloud.length === 0 ? null : findAnswerSet(cloud);
  const field = set?.kind === 'labels' ? set.field : null;
  return {
    rows: rows.map(({ id, text, cloudAnswer }) => {
      const { label, evidence } = student.predict(text);
      return {
        id,
        text,
        cloudAnswer: cloudAnswer === null ? null : readLabel(cloudAnswer, field),
        deviceAnswer: label,
        score: evidence[scoreName],
        features: { ...evidence },
      };
    }),
    question: chooseQuestion(student.labels, { other, sameLabel }),
    modelSha256: sha256,
    certified,
  };
}

interface OpenedStudent {
  readonly student: Student;
  readonly sha256: string;
  readonly scoreName: ClassificationScore;
  /** `null`: nothing is certified for this loss budget. */
  readonly certified: number | null;
}

async function openStudent(folder: string, lossBudget: number): Promise<OpenedStudent> {
  const card = parseStudentCard(await readJson(path.join(folder, STUDENT_CARD_FILE)));
  const bytes = await readInputFile(path.join(folder, card.file));
  const sha256 = await dataHash(bytes);
  const student = readStudent(bytes);
  const none = { student, sha256, scoreName: 'topProbability', certified: null } as const;
  const file = await readJson(path.join(folder, CERTIFICATES_FILE)).catch(() => null);
  const certificates = file === null ? null : parseCertificates(file);
  // Certificates of an older student say nothing of this one.
  if (certificates?.studentSha256 !== sha256) return none;
  const threshold = findThreshold(certificates, lossBudget);
  const certified = threshold !== null && Number.isFinite(threshold.value) ? threshold.value : null;
  return { student, sha256, scoreName: certificates.score, certified };
}

async function readJson(file: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readInputFile(file));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError('bad-row', `${file} is no JSON.`, { cause });
  }
}

/** The median: where nothing says what is sure enough, half is kept. */
function middleOf(scores: readonly (number | null)[]): number | null {
  const known = scores
    .flatMap((score) => (score === null ? [] : [score]))
    .toSorted((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}
