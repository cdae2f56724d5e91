import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLink } from '../../../src/worker/link.ts';
import type { HostControl } from '../../../src/worker/protocol.ts';

/** A worker that takes messages and never answers. */
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
  return { outcome, onLost, posted, terminate };
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
});
