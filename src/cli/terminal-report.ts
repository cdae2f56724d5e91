import type { DownloadProgress } from '../types.ts';

/** What a command says while it works. */
export interface Report {
  /** A sentence of its own. */
  line(text: string): void;
  /** Replaces the progress line on a terminal; elsewhere a plain line every few seconds. */
  progress(progress: DownloadProgress): void;
  /** Ends an open progress line. */
  end(): void;
}

export interface TerminalReportOptions {
  /** Where it goes; default standard error, so that standard output stays for results. */
  readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Nothing is said. */
  readonly isQuiet?: boolean;
  readonly now?: () => number;
}

/** In logs a line this often shows life without filling them. */
const PLAIN_INTERVAL_MS = 5_000;
const CLEAR_TO_END_OF_LINE = '\u001B[K';

export function createTerminalReport(options: TerminalReportOptions = {}): Report {
  const { stream = process.stderr, isQuiet = false, now = () => performance.now() } = options;
  let isLineOpen = false;
  let plainAtMs = now();

  function end(): void {
    if (isLineOpen) stream.write('\n');
    isLineOpen = false;
  }

  return {
    line(text) {
      if (isQuiet) return;
      end();
      stream.write(`${text}\n`);
    },
    progress(progress) {
      if (isQuiet) return;
      if (stream.isTTY) {
        stream.write(`\r${describeProgress(progress)}${CLEAR_TO_END_OF_LINE}`);
        isLineOpen = true;
      } else if (now() - plainAtMs >= PLAIN_INTERVAL_MS) {
        plainAtMs = now();
        stream.write(`${describeProgress(progress)}\n`);
      }
    },
    end,
  };
}

/** For example `12.6 of 98.4 MB, 8.3 MB/s, 11 s left, from huggingface.co`. */
export function describeProgress(progress: DownloadProgress): string {
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft, source } = progress;
  const parts = [`${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`];
  if (bytesPerSecond !== null) parts.push(`${megabytes(bytesPerSecond)} MB/s`);
  if (secondsLeft !== null) parts.push(`${describeSeconds(secondsLeft)} left`);
  return `  ${parts.join(', ')}, from ${source}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function describeSeconds(seconds: number): string {
  const rounded = Math.ceil(seconds);
  return rounded < 100 ? `${rounded} s` : `${Math.ceil(rounded / 60)} min`;
}
