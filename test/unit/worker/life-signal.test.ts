import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHeartbeat } from '../../../src/worker/life-signal.ts';

/** More beats than may be missed. */
const LONG_MS = 60_000;

describe('startHeartbeat', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const open = (isNeeded: () => boolean) => {
    const options = { isNeeded, beat: vi.fn<() => void>(), onLost: vi.fn<() => void>() };
    return { ...options, heartbeat: startHeartbeat(options) };
  };

  it('is silent while no call is pending', () => {
    const { beat, onLost, heartbeat } = open(() => false);
    vi.advanceTimersByTime(LONG_MS);
    expect(beat).not.toHaveBeenCalled();
    expect(onLost).not.toHaveBeenCalled();
    heartbeat.stop();
  });

  it('loses a host that never answers', () => {
    const { beat, onLost, heartbeat } = open(() => true);
    vi.advanceTimersByTime(LONG_MS);
    expect(beat).toHaveBeenCalled();
    expect(onLost).toHaveBeenCalled();
    heartbeat.stop();
  });

  it('keeps a host that answers', () => {
    const { onLost, heartbeat } = open(() => true);
    for (let beats = 0; beats < 60; beats += 1) {
      vi.advanceTimersByTime(1_000);
      heartbeat.heard();
    }
    expect(onLost).not.toHaveBeenCalled();
    heartbeat.stop();
  });

  it('stops when told to', () => {
    const { beat, onLost, heartbeat } = open(() => true);
    heartbeat.stop();
    vi.advanceTimersByTime(LONG_MS);
    expect(beat).not.toHaveBeenCalled();
    expect(onLost).not.toHaveBeenCalled();
  });
});
