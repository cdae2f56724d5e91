import { spawn } from 'node:child_process';
import { nodeErrorCode } from './disk-error.ts';

export interface ProgramResult {
  readonly code: number | null;
  /** Last part of what it wrote to standard output and standard error. */
  readonly output: string;
}

export interface ProgramOptions {
  /** Ends the program; the call then throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Enough for an error message; a chatty program must not fill memory. */
const MAX_OUTPUT_LENGTH = 16_384;

/** Runs a program to its end, without a shell. `null` when there is no such program. */
export async function runProgram(
  command: string,
  programArguments: readonly string[],
  { signal, environment = {} }: ProgramOptions,
): Promise<ProgramResult | null> {
  signal.throwIfAborted();
  const child = spawn(command, programArguments, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let output = '';
  const collect = (text: Buffer): void => {
    output = (output + text.toString()).slice(-MAX_OUTPUT_LENGTH);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { code, output };
  } catch (error) {
    if (nodeErrorCode(error) === 'ENOENT') return null;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
