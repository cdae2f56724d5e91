import type { DownloadProgress } from '../types.ts';

export interface ProgressMeterOptions {
  readonly totalBytes: number;
  /** Bytes that were there before; they count as done, not towards the rate. */
  readonly doneBytes: number;
  readonly source: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Milliseconds from any fixed moment. */
  readonly now: () => number;
}

export interface ProgressMeter {
  /** Counts arrived bytes; negative takes back bytes that turned out bad. */
  add(bytes: number): void;
  /** Reports now, whatever the time. */
  report(): void;
}

/** The rate is that of the last few seconds: long enough to be calm, short enough to be true. */
const RATE_WINDOW_MS = 4_000;
/** Before this the rate says more about start-up than about the line. */
const MIN_RATE_SPAN_MS = 500;
/** People cannot read faster, and each report crosses to the page. */
const REPORT_INTERVAL_MS = 100;

export function createProgressMeter(options: ProgressMeterOptions): ProgressMeter {
  const { totalBytes, source, onProgress, now } = options;
  let doneBytes = options.doneBytes;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  const samples = [{ atMs: now(), doneBytes }];

  function report(): void {
    const bytesPerSecond = recentRate(samples);
    reportedAtMs = now();
    onProgress?.({
      doneBytes,
      totalBytes,
      bytesPerSecond,
      secondsLeft: bytesPerSecond ? (totalBytes - doneBytes) / bytesPerSecond : null,
      source,
    });
  }

  return {
    add(bytes) {
      doneBytes += bytes;
      const atMs = now();
      if (atMs - reportedAtMs < REPORT_INTERVAL_MS) return;
      samples.push({ atMs, doneBytes });
      while (samples.length > 2 && atMs - (samples[1]?.atMs ?? atMs) > RATE_WINDOW_MS) {
        samples.shift();
      }
      report();
    },
    report,
  };
}

function recentRate(
  samples: readonly { readonly atMs: number; readonly doneBytes: number }[],
): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.atMs - first.atMs < MIN_RATE_SPAN_MS) return null;
  const rate = ((last.doneBytes - first.doneBytes) * 1000) / (last.atMs - first.atMs);
  return rate > 0 ? rate : null;
}
