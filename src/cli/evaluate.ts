import { UsageError } from './usage-error.ts';

interface Evaluation {
  readonly summary: string;
  /** Loaded when it is called, so that one evaluation does not need another's parts. */
  load(): Promise<{ run(argv: readonly string[]): Promise<number> }>;
}

/** One row per evaluation: add `NAME: { summary, load: () => import('./evaluate/NAME.ts') }`. */
const EVALUATIONS: Readonly<Record<string, Evaluation>> = {
  classify: {
    summary: 'how well a student sorts texts, and what share a certificate keeps',
    load: () => import('./evaluate/classify.ts'),
  },
  signal: {
    summary: 'what a confidence is worth: AUROC, risk and coverage, calibration',
    load: () => import('./evaluate/signal.ts'),
  },
  route: {
    summary: 'what it is worth to ask the upper tier where that is expected to help',
    load: () => import('./evaluate/route.ts'),
  },
  promise: {
    summary: 'how often a promised loss is broken, with a certificate and without',
    load: () => import('./evaluate/promise.ts'),
  },
  loop: {
    summary: 'what is lost and kept when requests change, with the self-optimising loop',
    load: () => import('./evaluate/loop.ts'),
  },
  complete: {
    summary: 'how many keys completion saves, and how often it is wrong',
    load: () => import('./evaluate/complete.ts'),
  },
};

/** `edgewise evaluate NAME`. Gives the exit code: 1 when a bar fails. */
export async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return 0;
  }
  if (name === undefined) throw new UsageError(help());
  if (!Object.hasOwn(EVALUATIONS, name)) {
    throw new UsageError(`Unknown evaluation "${name}".\n\n${help()}`);
  }
  const module = await EVALUATIONS[name]?.load();
  return (await module?.run(rest)) ?? 2;
}

function help(): string {
  const lines = Object.entries(EVALUATIONS).map(
    ([name, { summary }]) => `  ${name.padEnd(10)}${summary}`,
  );
  return `Usage: edgewise evaluate NAME [options]

${lines.join('\n')}

edgewise evaluate NAME --help says more. Every evaluation prints a table, or with --json one line
{ name, ok, figures, bars, context }; the exit code is 1 when a bar fails.
`;
}
