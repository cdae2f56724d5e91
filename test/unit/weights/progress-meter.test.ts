import { expect, it } from 'vitest';
import type { DownloadProgress } from '../../../src/types.ts';
import { createProgressMeter } from '../../../src/weights/progress-meter.ts';

function createMeterOnClock(totalBytes: number, doneBytes = 0) {
  const steps: DownloadProgress[] = [];
  const clock = { ms: 0 };
  const meter = createProgressMeter({
    totalBytes,
    doneBytes,
    source: 'example.org',
    onProgress: (step) => steps.push(step),
    now: () => clock.ms,
  });
  return { meter, clock, steps };
}

it('knows no rate at first, then that of the last seconds', () => {
  const { meter, clock, steps } = createMeterOnClock(100_000);
  meter.add(10);
  expect(steps.at(-1)).toEqual({
    doneBytes: 10,
    totalBytes: 100_000,
    bytesPerSecond: null,
    secondsLeft: null,
    source: 'example.org',
  });
  for (let second = 1; second <= 10; second++) {
    clock.ms = second * 1000;
    meter.add(second <= 5 ? 1000 : 4000);
  }
  expect(steps.at(-1)?.bytesPerSecond).toBe(4000);
  expect(steps.at(-1)?.secondsLeft).toBeCloseTo((100_000 - 25_010) / 4000);
});

it('does not count stored bytes towards the rate', () => {
  const { meter, clock, steps } = createMeterOnClock(1_000_000, 900_000);
  clock.ms = 1000;
  meter.add(1000);
  expect(steps.at(-1)).toMatchObject({ doneBytes: 901_000, bytesPerSecond: 1000, secondsLeft: 99 });
});

it('gives no rate instead of a negative one when bytes are taken back', () => {
  const { meter, clock, steps } = createMeterOnClock(1000);
  clock.ms = 1000;
  meter.add(500);
  clock.ms = 6000;
  meter.add(-500);
  expect(steps.at(-1)).toMatchObject({ doneBytes: 0, bytesPerSecond: null, secondsLeft: null });
});

it('reports at most ten times a second, yet counts everything', () => {
  const { meter, clock, steps } = createMeterOnClock(100_000);
  for (let ms = 0; ms < 1000; ms++) {
    clock.ms = ms;
    meter.add(1);
  }
  expect(steps.length).toBeLessThanOrEqual(10);
  meter.report();
  expect(steps.at(-1)?.doneBytes).toBe(1000);
});
