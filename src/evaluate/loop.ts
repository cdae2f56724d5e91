import { DataError } from '../errors.ts';
import { runDraws, type Random } from './draws.ts';
import { drawLoop } from './loop-chart.ts';
import {
  type Liar,
  LIARS,
  type LoopFigures,
  type LoopOptions,
  type LoopRun,
  type LoopStream,
  measureLoop,
} from './loop-figures.ts';
import { describeLoop } from './loop-report.ts';
import { replayLoop, type ReplayJudge, type ReplayTrace } from './replay-loop.ts';
import type { EvaluationReport } from './report.ts';

/**
 * Replays streams that change half-way through the self-optimising loop, beside the certificate's
 * threshold left alone and three judges that lie.
 *
 * @throws DataError `too-few-rows` when a half is shorter than a window.
 */
export async function evaluateLoop(
  streams: readonly LoopStream[],
  options: LoopOptions,
): Promise<{ report: EvaluationReport; chart: string }> {
  for (const stream of streams) checkLength(stream, options.windowRequests);
  const { runs, seed, signal, onProgress } = options;
  const traces: { stream: LoopStream; loop: ReplayTrace; frozen: ReplayTrace }[] = [];
  const results = await runDraws(
    (random, index) => {
      const stream = streams[index % streams.length] as LoopStream;
      const { run, loop, frozen } = runOnce(stream, options, random);
      if (index === 0) traces.push({ stream, loop, frozen });
      return run;
    },
    {
      draws: runs,
      seed,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    },
  );
  const [first] = traces;
  if (first === undefined) throw new DataError('too-few-rows', 'There is no stream to replay.');
  return {
    report: describeLoop(results, { streams, options }),
    chart: drawLoop(first, options),
  };
}

function runOnce(stream: LoopStream, options: LoopOptions, random: Random) {
  const replay = (judge: ReplayJudge, isFrozen = false): ReplayTrace =>
    replayLoop({
      ...options,
      labels: stream.labels,
      stream: stream.requests,
      judge,
      isFrozen,
      random,
    });
  const measure = (trace: ReplayTrace): LoopFigures => measureLoop(trace, stream, options);
  const loop = replay('honest');
  const frozen = replay('honest', true);
  const liars = Object.fromEntries(LIARS.map((liar) => [liar, measure(replay(liar))]));
  const run: LoopRun = {
    loop: measure(loop),
    frozen: measure(frozen),
    liars: liars as Record<Liar, LoopFigures>,
  };
  return { run, loop, frozen };
}

function checkLength({ requests, shiftAt }: LoopStream, windowRequests: number): void {
  const shorter = Math.min(shiftAt, requests.length - shiftAt);
  if (shorter >= windowRequests) return;
  throw new DataError(
    'too-few-rows',
    `Each half of the stream needs at least ${windowRequests} requests; the shorter one has ${shorter}.`,
  );
}
