import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgewiseError } from '../errors.ts';
import { nodeErrorCode } from './disk-error.ts';
import { UsageError } from './usage-error.ts';

interface Verb {
  readonly summary: string;
  /** Loaded when it is called, so that one verb does not need another's packages. */
  load(): Promise<{ run(argv: readonly string[]): Promise<number> }>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  pull: { summary: 'get a model for the page to load', load: () => import('./pull.ts') },
  distil: {
    summary: 'train a student: a small classifier that answers on the device',
    load: () => import('./distil.ts'),
  },
  calibrate: {
    summary: 'learn which probability of being right a score stands for',
    load: () => import('./calibrate.ts'),
  },
  certify: {
    summary: 'find thresholds for a student, each with a certificate',
    load: () => import('./certify.ts'),
  },
  evaluate: {
    summary: 'measure what a model, a score or a threshold is worth on your data',
    load: () => import('./evaluate.ts'),
  },
  audit: {
    summary: 'see in a log of your calls what could have stayed on the device',
    load: () => import('./audit.ts'),
  },
  label: {
    summary: 'collect the labels that are most worth having, on a page of this machine',
    load: () => import('./label.ts'),
  },
  relay: {
    summary: 'serve the upper tiers to pages, with the keys kept here',
    load: () => import('./relay.ts'),
  },
};

/** Runs one command. Gives the exit code: 0, 1 when it failed, 2 when it was typed wrongly. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') return say(help());
  if (name === '--version' || name === '-v') return say(`${await version()}\n`);
  const verb = name !== undefined && Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (name === undefined || verb === undefined) {
    process.stderr.write(name === undefined ? help() : `Unknown command "${name}".\n\n${help()}`);
    return 2;
  }
  try {
    const { run } = await verb.load();
    return await run(rest);
  } catch (error) {
    return explain(name, error);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function help(): string {
  const lines = Object.entries(VERBS).map(
    ([name, { summary }]) => `  ${name.padEnd(10)}${summary}`,
  );
  return `Usage: edgewise COMMAND [options]\n\n${lines.join('\n')}\n\nedgewise COMMAND --help says more. edgewise --version prints the version.\n`;
}

async function version(): Promise<string> {
  const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
  const text = await readFile(path.join(folder, 'package.json'), 'utf8');
  const { version: number } = JSON.parse(text) as { readonly version: string };
  return number;
}

function explain(name: string, error: unknown): number {
  if (error instanceof UsageError || nodeErrorCode(error).startsWith('ERR_PARSE_ARGS')) {
    const message = error instanceof Error ? error.message : '';
    process.stderr.write(`${message}\nedgewise ${name} --help lists the options.\n`);
    return 2;
  }
  const isExpected = EdgewiseError.is(error) || isAbort(error);
  const isError = error instanceof Error;
  // A fault of ours is worth its stack; the user's disk or network is not.
  const text = isError ? (isExpected ? error.message : (error.stack ?? error.message)) : 'Failed.';
  process.stderr.write(`edgewise ${name}: ${text}\n`);
  return 1;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
