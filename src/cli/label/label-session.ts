import { createHash } from 'node:crypto';
import type { LabelQuestion, LabelState, LabelTask } from './label-task.ts';
import type { LabelsFile } from './labels-file.ts';

/** A person's way through the picked rows. Calls run one after the other. */
export interface LabelSession {
  state(): LabelState;
  /** Labels the row of this id, if it is the one shown; an old or unknown one changes nothing. */
  choose(id: string, option: string): Promise<void>;
  /** Leaves the row for later in this session, or for the next. */
  skip(id: string): Promise<void>;
  /** Takes the last label back and shows its row. */
  undo(): Promise<void>;
}

export interface SessionOptions {
  readonly tasks: readonly LabelTask[];
  readonly question: LabelQuestion;
  readonly file: LabelsFile;
  readonly plan: string;
  readonly now: () => number;
}

export function createLabelSession(options: SessionOptions): LabelSession {
  const { tasks, question, file, plan, now } = options;
  const labelled = new Set(file.lines.map(({ id }) => id));
  const waiting = tasks.filter(({ id }) => !labelled.has(id));
  const skipped = new Set<string>();
  let last = Promise.resolve();

  function inTurn(action: () => Promise<void> | void): Promise<void> {
    const turn = last.then(action);
    // The next call must not fail for this one; whoever made this one hears of it.
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    state() {
      const task = waiting[0];
      return {
        kind: question.kind,
        done: tasks.length - waiting.length,
        total: tasks.length,
        skipped: skipped.size,
        canUndo: file.lines.length > 0,
        row: task === undefined ? null : describe(task, question),
      };
    },
    choose: (id, option) =>
      inTurn(async () => {
        const task = waiting[0];
        if (task?.id !== id || !question.optionsFor(task).includes(option)) return;
        const { text, score, features, sample, weight } = task;
        await file.append({
          id,
          text,
          timeMs: now(),
          ...question.verdict(task, option),
          score,
          ...(features === undefined ? {} : { features }),
          sample,
          weight,
          plan,
        });
        waiting.shift();
        skipped.delete(id);
      }),
    skip: (id) =>
      inTurn(() => {
        const task = waiting[0];
        if (task?.id !== id) return;
        waiting.shift();
        waiting.push(task);
        skipped.add(id);
      }),
    undo: () =>
      inTurn(async () => {
        const line = file.lines.at(-1);
        const task = tasks.find(({ id }) => id === line?.id);
        if (line === undefined || task === undefined) return;
        await file.removeLast();
        waiting.unshift(task);
      }),
  };
}

/** Names what weights belong to: other rows, another model or another draw have another one. */
export function planOf(...facts: readonly (string | number | null)[]): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

function describe(task: LabelTask, question: LabelQuestion): NonNullable<LabelState['row']> {
  const { id, text, deviceAnswer, cloudAnswer } = task;
  // A shown answer pulls the person towards it: it stays hidden where it is not itself the question.
  const shown = question.kind === 'judge';
  const answers = [
    { source: 'Device', text: deviceAnswer },
    ...(cloudAnswer === null ? [] : [{ source: 'Cloud', text: cloudAnswer }]),
  ];
  return { id, text, options: question.optionsFor(task), answers: shown ? answers : [] };
}
