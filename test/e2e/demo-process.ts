import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

export interface Demo {
  /** Address of the page. */
  readonly url: string;
  readonly process: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** Sends the signal Ctrl+C sends and gives the exit code. */
  stop(): Promise<number | null>;
}

const root = path.resolve(import.meta.dirname, '../..');

/** Starts what `npm run demo` starts, on a free port, and waits until it serves. */
export async function startDemo(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Demo> {
  const child = spawn(process.execPath, ['scripts/demo.mjs', '--port', '0', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed);
      if (found !== null && printed.includes('Ctrl+C')) resolve(found[0]);
    });
    void ended.then((code) => reject(new Error(`The demo ended with ${code}:\n${printed}`)));
  });
  return {
    url,
    process: child,
    output: () => printed,
    stop() {
      child.kill('SIGINT');
      return ended;
    },
  };
}
