import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLink } from '../../../src/worker/link.ts';
import type { HostControl, HostMessage } from '../../../src/worker/protocol.ts';
import { createStepStream } from '../../../src/worker/step-stream.ts';

/** A worker that takes messages and answers none. */
function openSilent() {
  const messages = new MessageChannel();
  const control = new MessageChannel();
  const posted: unknown[] = [];
  vi.spyOn(messages.port1, 'postMessage').mockImplementation(
    (message) => void posted.push(message),
  );
  const terminate = vi.fn<() => void>();
  const onLost = vi.fn<(error: Error) => void>();
  const link = openLink({
    carrier: {
      epoch: 'epoch',
      port: messages.port1,
      controlPort: control.port1,
      isRemote: true,
      onFailure: () => undefined,
      terminate,
    },
    // Never called: the worker does not get ready.
    control: {} as HostControl,
    from: 'page',
    onEvent: () => undefined,
    onLost,
  });
  const outcome = link.then(
    () => null,
    (error: unknown) => error,
  );
  const ready: HostMessage = { epoch: 'epoch', from: 'host', id: 0, type: 'ready', hasLock: false };
  return {
    link,
    outcome,
    onLost,
    posted,
    terminate,
    getReady: () => messages.port2.postMessage(ready),
  };
}

describe('openLink', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits 30 s for a worker that starts slowly, and says so when it never does', async () => {
    const { outcome, onLost, posted, terminate } = openSilent();
    vi.advanceTimersByTime(29_999);
    expect(onLost).not.toHaveBeenCalled();
    expect(posted).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await outcome).toMatchObject({
      code: 'worker-crashed',
      cause: { message: 'It did not answer within 30 s.' },
    });
    expect(onLost).toHaveBeenCalledOnce();
    expect(terminate).toHaveBeenCalledOnce();
  });

  it('ends pending calls within 21 s where no lock tells that the worker is gone', async () => {
    const { link, onLost, getReady } = openSilent();
    getReady();
    const stream = createStepStream({ onFirstRead: () => undefined, onEnd: () => undefined });
    const input = { kind: 'text', text: 'Hello' } as const;
    const run = {
      modelId: 'm',
      sessionId: 's',
      priority: 'interactive',
      input,
      maxTokens: 4,
    } as const;
    (await link).generate(run, stream);
    const outcome = expect(stream.next()).rejects.toMatchObject({ code: 'worker-crashed' });
    vi.advanceTimersByTime(20_999);
    expect(onLost).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await outcome;
    expect(onLost).toHaveBeenCalledOnce();
  });
});
