import { describe, expect, it, vi } from 'vitest';
import { createSharedTask } from '../../../src/worker/shared-task.ts';

function open() {
  let finish: (value: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let report: (value: number) => void = () => undefined;
  let inner: AbortSignal | null = null;
  const task = createSharedTask<string, number>((signal, onReport) => {
    inner = signal;
    report = onReport;
    return new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  });
  return {
    task,
    finish: (value: string) => finish(value),
    fail: (error: Error) => fail(error),
    report: (value: number) => report(value),
    isGivenUp: () => inner?.aborted,
  };
}

describe('createSharedTask', () => {
  it('gives everybody the one result and every report', async () => {
    const { task, finish, report } = open();
    const onReport = vi.fn<(value: number) => void>();
    const joined = [task.join({ onReport }), task.join({ onReport })];
    report(7);
    finish('done');
    expect(await Promise.all(joined)).toEqual(['done', 'done']);
    expect(onReport.mock.calls).toEqual([[7], [7]]);
    expect(task.isOpen()).toBe(false);
  });

  it('rejects only the one who leaves, with the reason given', async () => {
    const { task, finish, isGivenUp } = open();
    const leave = new AbortController();
    const left = task.join({ signal: leave.signal });
    const stayed = task.join();
    const reason = new Error('bye');
    leave.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect(isGivenUp()).toBe(false);
    finish('done');
    expect(await stayed).toBe('done');
  });

  it('is given up when the last one leaves', async () => {
    const { task, isGivenUp } = open();
    const leave = new AbortController();
    const left = task.join({ signal: leave.signal });
    leave.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    expect(isGivenUp()).toBe(true);
    expect(task.isOpen()).toBe(false);
  });

  it('fails for everybody with the same error', async () => {
    const { task, fail } = open();
    const joined = [task.join(), task.join()];
    const error = new Error('broken');
    fail(error);
    for (const one of joined) await expect(one).rejects.toBe(error);
  });

  it('ends for everybody when it is cancelled, also when the work ignores it', async () => {
    const { task } = open();
    const joined = [task.join(), task.join()];
    const reason = new Error('unloaded');
    task.cancel(reason);
    for (const one of joined) await expect(one).rejects.toBe(reason);
  });
});
