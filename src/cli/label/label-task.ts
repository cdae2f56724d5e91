/** One row to be labelled. */
export interface LabelTask {
  readonly id: string;
  readonly text: string;
  readonly score: number | null;
  readonly features?: Readonly<Record<string, number | null>>;
  /** What the device answered. */
  readonly deviceAnswer: string;
  /** What the cloud answered; `null` = unknown. */
  readonly cloudAnswer: string | null;
  readonly sample: 'random' | 'near';
  readonly weight: number;
}

/** What a person may say of a row, and what follows. */
export interface LabelQuestion {
  /**
   * `choose`: the person names the right label. `judge`: the person says which answers will do; then
   * they are shown.
   */
  readonly kind: 'choose' | 'judge';
  optionsFor(task: LabelTask): readonly string[];
  verdict(task: LabelTask, option: string): Verdict;
}

export interface Verdict {
  readonly label?: string;
  readonly deviceCorrect: boolean;
  /** `null` = unknown. */
  readonly cloudCorrect: boolean | null;
}

/** A line of the file of labels: an outcome, as `calibrate` and `evaluate` read them, and more. */
export interface LabelledLine extends Verdict {
  readonly id: string;
  readonly text: string;
  /** When it was labelled. */
  readonly timeMs: number;
  readonly score: number | null;
  readonly features?: Readonly<Record<string, number | null>>;
  readonly sample: 'random' | 'near';
  /** One over the chance that the row was picked. */
  readonly weight: number;
  /** Names rows, model and options that the weights belong to. */
  readonly plan: string;
}

/** What the page shows. */
export interface LabelState {
  readonly kind: LabelQuestion['kind'];
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
  readonly canUndo: boolean;
  /** `null`: nothing is left. */
  readonly row: {
    readonly id: string;
    readonly text: string;
    readonly options: readonly string[];
    /** Shown only where they are judged. */
    readonly answers: readonly { readonly source: string; readonly text: string }[];
  } | null;
}

const JUDGE_DEVICE = ['Acceptable', 'Not acceptable'] as const;
const JUDGE_BOTH = ['Both', 'Only the device', 'Only the cloud', 'Neither'] as const;

/** Which label is right. Labels are compared as `sameLabel` does; `other` is none of those known. */
export function chooseQuestion(
  labels: readonly string[],
  { other, sameLabel }: { other: string; sameLabel(answer: string, label: string): boolean },
): LabelQuestion {
  const options = labels.includes(other) ? labels : [...labels, other];
  return {
    kind: 'choose',
    optionsFor: () => options,
    verdict: ({ deviceAnswer, cloudAnswer }, label) => ({
      label,
      deviceCorrect: deviceAnswer === label,
      // An answer that is not on the list may be right where the list has no better one.
      cloudCorrect: cloudAnswer === null || label === other ? null : sameLabel(cloudAnswer, label),
    }),
  };
}

/** Which of the answers will do. */
export function judgeQuestion(): LabelQuestion {
  return {
    kind: 'judge',
    optionsFor: ({ cloudAnswer }) => (cloudAnswer === null ? JUDGE_DEVICE : JUDGE_BOTH),
    verdict: ({ cloudAnswer }, option) => ({
      deviceCorrect: ['Acceptable', 'Both', 'Only the device'].includes(option),
      cloudCorrect: cloudAnswer === null ? null : ['Both', 'Only the cloud'].includes(option),
    }),
  };
}
