import { describe, expect, it, vi } from 'vitest';
import type { EngineStep } from '../../../src/types.ts';
import { createStepStream } from '../../../src/worker/step-stream.ts';

const step = (doneTokens: number): EngineStep => ({ type: 'prefill', doneTokens, totalTokens: 9 });

function open() {
  const hooks = { onFirstRead: vi.fn<() => void>(), onEnd: vi.fn<() => void>() };
  return { stream: createStepStream(hooks), ...hooks };
}

describe('createStepStream', () => {
  it('asks for steps with the first read, once', async () => {
    const { stream, onFirstRead } = open();
    expect(onFirstRead).not.toHaveBeenCalled();
    const first = stream.next();
    void stream.next();
    expect(onFirstRead).toHaveBeenCalledTimes(1);
    stream.push(step(1));
    expect(await first).toEqual({ done: false, value: step(1) });
  });

  it('keeps order when steps come before they are read', async () => {
    const { stream } = open();
    const seen: EngineStep[] = [];
    const first = stream.next();
    for (const count of [1, 2, 3]) stream.push(step(count));
    stream.close();
    seen.push((await first).value as EngineStep);
    for await (const one of stream) seen.push(one);
    expect(seen).toEqual([step(1), step(2), step(3)]);
  });

  it('throws a failure after what is queued, once', async () => {
    const { stream } = open();
    const first = stream.next();
    const failure = new Error('crashed');
    stream.push(step(1));
    stream.push(step(2));
    stream.fail(failure);
    await first;
    expect(await stream.next()).toEqual({ done: false, value: step(2) });
    await expect(stream.next()).rejects.toBe(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('throws an abort at once and drops what is queued', async () => {
    const { stream } = open();
    const first = stream.next();
    stream.push(step(1));
    stream.push(step(2));
    await first;
    const reason = new Error('enough');
    stream.abort(reason);
    await expect(stream.next()).rejects.toBe(reason);
  });

  it('ends a read that waits when the reader leaves, without waiting for a step', async () => {
    const { stream, onEnd } = open();
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('tells its end once, whatever comes after', async () => {
    const { stream, onEnd } = open();
    void stream.next();
    stream.close();
    stream.fail(new Error('late'));
    stream.abort(new Error('later'));
    await stream.return?.();
    expect(onEnd).toHaveBeenCalledTimes(1);
    stream.push(step(1));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('asks for nothing when it is left before the first read', async () => {
    const { stream, onFirstRead, onEnd } = open();
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onFirstRead).not.toHaveBeenCalled();
    expect(onEnd).not.toHaveBeenCalled();
  });
});
