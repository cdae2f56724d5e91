import { type ChartPoint, renderChart } from './chart.ts';
import { type LoopOptions, type LoopStream, slidingLoss } from './loop-figures.ts';
import type { ReplayTrace } from './replay-loop.ts';

interface Drawn {
  readonly stream: LoopStream;
  readonly loop: ReplayTrace;
  readonly frozen: ReplayTrace;
}

/** The first run: loss and share kept over the latest window, with and without the loop. */
export function drawLoop({ stream, loop, frozen }: Drawn, options: LoopOptions): string {
  const { windowRequests, alpha, seed } = options;
  const curve = (values: Uint8Array): ChartPoint[] =>
    Array.from(slidingLoss(values, windowRequests), (y, index) => ({
      x: index + windowRequests,
      y,
    }));
  const axis = `request (the shift comes at ${stream.shiftAt})`;
  return renderChart({
    title: 'A threshold that learns, and one that does not',
    caption: `first of ${options.runs} runs; windows of ${windowRequests} requests; seed ${seed}`,
    panels: [
      {
        title: 'Loss',
        xLabel: axis,
        yLabel: 'share of requests lost',
        series: [
          { name: 'loop', kind: 'line', points: curve(loop.lost) },
          { name: 'frozen', kind: 'line', points: curve(frozen.lost) },
        ],
        rules: [{ name: 'budget', y: alpha }],
      },
      {
        title: 'Kept on the device',
        xLabel: axis,
        yLabel: 'share of requests kept',
        yRange: [0, 1],
        series: [
          { name: 'loop', kind: 'line', points: curve(loop.kept) },
          { name: 'frozen', kind: 'line', points: curve(frozen.kept) },
        ],
      },
    ],
  });
}
