import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_LOSS_BUDGET } from '../cascade/student-threshold.ts';
import { openPage } from './label/open-page.ts';
import { planLabels, type LabelPlan, type PlanOptions } from './label/label-plan.ts';
import { serveLabels } from './label/label-server.ts';
import { createLabelSession } from './label/label-session.ts';
import { openLabelsFile, type LabelsFile } from './label/labels-file.ts';
import { UsageError } from './usage-error.ts';

const DEFAULT_COUNT = 300;
const DEFAULT_RANDOM_SHARE = 2 / 3;

const HELP = `Usage: edgewise label FILE --model DIR [options]
       edgewise label FILE [options]

Opens a page on this machine that shows the rows most worth a label and keeps what you say of them. With
--model a student answers and you name the right label; without, the rows hold answers of the device
("deviceAnswer") and you say which will do. Part of the rows is drawn at random, so that certificates may
rest on them ("sample": "random"); the others lie near the threshold. Every line has its weight, one over
the chance that it was picked.

FILE: a log as edgewise audit reads it, JSON lines { "id"?, "text", "deviceAnswer"?, "cloudAnswer"?,
"score"? }, or a CSV with a header. Labels are JSON lines in the form of outcomes, written one by one;
started again, the command goes on where it stopped. Nothing leaves this machine.

  --model DIR        a student (see edgewise distil) that answers
  --out FILE         where the labels go (default FILE.labels.jsonl)
  --count N          about how many rows (default ${DEFAULT_COUNT})
  --random-share S   share of these drawn at random from all (default ${DEFAULT_RANDOM_SHARE.toFixed(2)})
  --threshold SCORE  where keeping begins (default: the student's certified one, else the middle score)
  --alpha SHARE      loss budget whose certified threshold is meant (default ${DEFAULT_LOSS_BUDGET})
  --other NAME       label of texts that have none of the student's (default other)
  --seed N           seed of the draw (default 1)
  --no-open          print the address only, open no browser
  --help             this text
`;

const MOST_ROWS = 1_000_000;
const MAX_SEED = 2 ** 31 - 1;

/** `edgewise label`. Gives the exit code once the person is done, or stopped it with Ctrl+C. */
export async function run(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { options, out } = checkArguments(values, positionals);
  const plan = await planLabels(options);
  const file = await openLabelsFile(out, plan.id);
  try {
    await collect(plan, { file, out, mayOpen: !values['no-open'] });
  } finally {
    await file.close();
  }
  return 0;
}

function readArguments(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      model: { type: 'string' },
      out: { type: 'string' },
      count: { type: 'string' },
      'random-share': { type: 'string' },
      threshold: { type: 'string' },
      alpha: { type: 'string' },
      other: { type: 'string', default: 'other' },
      seed: { type: 'string' },
      'no-open': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

function checkArguments(
  values: ReturnType<typeof readArguments>['values'],
  [file, ...more]: readonly string[],
): { options: PlanOptions; out: string } {
  if (file === undefined || more.length > 0) {
    throw new UsageError('Name one file: edgewise label FILE --model DIR.');
  }
  const out = values.out ?? `${file}.labels.jsonl`;
  if (path.resolve(out) === path.resolve(file)) {
    throw new UsageError('--out must be another file than that of the rows.');
  }
  const other = values.other.trim();
  if (other === '') throw new UsageError('--other needs a name.');
  const whole = { isWhole: true, min: 1 };
  const share = { min: Number.MIN_VALUE, max: 1 };
  const { count, seed, threshold, alpha, 'random-share': randomShare } = values;
  const options: PlanOptions = {
    file,
    model: values.model ?? null,
    count: readNumber('--count', count ?? String(DEFAULT_COUNT), { ...whole, max: MOST_ROWS }),
    randomShare: readNumber('--random-share', randomShare ?? String(DEFAULT_RANDOM_SHARE), share),
    threshold: threshold === undefined ? null : readNumber('--threshold', threshold, {}),
    lossBudget: readNumber('--alpha', alpha ?? String(DEFAULT_LOSS_BUDGET), share),
    other,
    seed: readNumber('--seed', seed ?? '1', { isWhole: true, min: 0, max: MAX_SEED }),
  };
  return { options, out };
}

function readNumber(
  name: string,
  text: string,
  {
    min = -Infinity,
    max = Infinity,
    isWhole = false,
  }: { min?: number; max?: number; isWhole?: boolean },
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isRight = value >= min && value <= max && Number.isFinite(value);
  if (isRight && (!isWhole || Number.isInteger(value))) return value;
  if (min === Number.MIN_VALUE) throw new UsageError(`${name} takes a share above 0, up to 1.`);
  const range = Number.isFinite(min) ? ` from ${min} to ${max}` : '';
  throw new UsageError(`${name} must be a ${isWhole ? 'whole number' : 'number'}${range}.`);
}

async function collect(
  plan: LabelPlan,
  { file, out, mayOpen }: { file: LabelsFile; out: string; mayOpen: boolean },
): Promise<void> {
  const { tasks, question } = plan;
  const session = createLabelSession({ tasks, question, file, plan: plan.id, now: Date.now });
  const stopped = untilStopped();
  const script = await readFile(new URL('./label/page.js', import.meta.url), 'utf8');
  const server = await serveLabels(session, script);
  try {
    const near = tasks.filter(({ sample }) => sample === 'near').length;
    process.stdout.write(
      `${plan.rows} rows; ${tasks.length} to label, ${tasks.length - near} drawn at random and ${near} near the threshold; ${session.state().done} are done.\n\n  ${server.url}\n\nDone there, or Ctrl+C here, ends it; every label is kept at once.\n`,
    );
    if (mayOpen) openPage(server.url);
    await Promise.race([server.finished, stopped.promise]);
  } finally {
    stopped.forget();
    await server.close();
  }
  const { done, total } = session.state();
  process.stdout.write(`${done} of ${total} labelled, in ${out}\n${adviceFor(done, total)}`);
}

/** Weights are those of the whole plan. */
function adviceFor(done: number, total: number): string {
  return done === total
    ? ''
    : 'Start it again to go on. Until all are labelled the weights are those of the whole plan; the rows of "sample": "random" alone are a fair sample of the file at any time.\n';
}

function untilStopped(): { promise: Promise<void>; forget(): void } {
  let stop = (): void => undefined;
  const promise = new Promise<void>((resolve) => (stop = resolve));
  const onSignal = (): void => stop();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  return {
    promise,
    forget() {
      process.removeListener('SIGINT', onSignal);
      process.removeListener('SIGTERM', onSignal);
    },
  };
}
