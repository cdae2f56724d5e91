import type { Report } from './terminal-report.ts';

/** What every source of a model file needs while it is read. */
export interface SourceContext {
  /** Size of the model file where the catalogue says so. */
  readonly expectedBytes: number | null;
  /** Folder for temporary files, on the disk the model goes to. */
  readonly cacheFolder: string;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly fetch?: typeof fetch | undefined;
  /** Silence that counts as a dead connection; default 15,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Wait before the first retry, doubled each time; default 1,000. */
  readonly retryDelayMs?: number | undefined;
  /** Programs tried as Python 3, in order; default `python3`, `python`. */
  readonly pythonCommands?: readonly string[] | undefined;
}
