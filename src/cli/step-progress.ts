/** Says how far a count has come and how long the rest will take. */
export interface StepProgress {
  report(done: number, total: number): void;
  /** Ends an open line. */
  end(): void;
}

export interface StepProgressOptions {
  /** What is counted, in the plural: `splits`. */
  readonly unit: string;
  /** Default standard error, so that standard output stays for results. */
  readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly isQuiet?: boolean;
  readonly now?: () => number;
}

/** What is over within a second needs no progress. */
const SILENT_MS = 1_000;
const TERMINAL_INTERVAL_MS = 100;
/** In logs a line this often shows life without filling them. */
const PLAIN_INTERVAL_MS = 5_000;
const CLEAR_TO_END_OF_LINE = '\u001B[K';

export function createStepProgress(options: StepProgressOptions): StepProgress {
  const { unit, stream = process.stderr, isQuiet = false, now = () => performance.now() } = options;
  const startedAtMs = now();
  let saidAtMs = startedAtMs;
  let isLineOpen = false;
  /** The first step seen: what came before it (reading, fitting) says nothing of the pace. */
  let first: { readonly done: number; readonly atMs: number } | null = null;

  function secondsLeft(done: number, total: number): number | null {
    if (first === null || done <= first.done) return null;
    return (((now() - first.atMs) / (done - first.done)) * (total - done)) / 1000;
  }

  return {
    report(done, total) {
      first ??= { done, atMs: now() };
      const elapsedMs = now() - startedAtMs;
      const intervalMs = stream.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
      if (isQuiet || elapsedMs < SILENT_MS || now() - saidAtMs < intervalMs) return;
      saidAtMs = now();
      const text = describeSteps({ done, total, unit, secondsLeft: secondsLeft(done, total) });
      isLineOpen = stream.isTTY === true;
      stream.write(isLineOpen ? `\r${text}${CLEAR_TO_END_OF_LINE}` : `${text}\n`);
    },
    end() {
      if (isLineOpen) stream.write(`\r${CLEAR_TO_END_OF_LINE}`);
      isLineOpen = false;
    },
  };
}

function describeSteps(steps: {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly secondsLeft: number | null;
}): string {
  const { done, total, unit, secondsLeft } = steps;
  const left = secondsLeft === null ? '' : `, ${describeSeconds(secondsLeft)} left`;
  return `  ${done} of ${total} ${unit}${left}`;
}

function describeSeconds(seconds: number): string {
  const rounded = Math.ceil(seconds);
  return rounded < 100 ? `${rounded} s` : `${Math.ceil(rounded / 60)} min`;
}
