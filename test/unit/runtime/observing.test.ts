import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createObserver } from '../../../src/runtime/observing.ts';
import type { Request } from '../../../src/types.ts';
import { createScriptedStudent } from '../../helpers/scripted-classifier.ts';

const request: Request = { task: 'classify', input: { kind: 'text', text: 'I want my money' } };
const never = (): Promise<never> => new Promise(() => undefined);
const MINUTE_MS = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = () => {
  const { classify } = createScriptedStudent(0.9);
  return createObserver({ findStudent: () => classify });
};

describe('An observer of the app’s calls', () => {
  it('lets go of answers that never come, and goes on observing', async () => {
    const observer = open();
    const lost = Array.from({ length: 100 }, () => observer.observe(request, never(), undefined));
    await observer.observe(request, 'refund', undefined);
    expect(observer.report().skipped).toMatchObject({ 'too-many': 1, 'timed-out': 0 });
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    await Promise.all(lost);
    expect(observer.report().skipped).toMatchObject({ 'too-many': 1, 'timed-out': 100 });
    await observer.observe(request, 'refund', undefined);
    expect(observer.report().requests).toBe(1);
  });

  it('waits for a slow answer, and keeps no timer after it', async () => {
    const observer = open();
    let answer: (label: string) => void = () => undefined;
    const cloud = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const compared = observer.observe(request, cloud, undefined);
    await vi.advanceTimersByTimeAsync(4 * MINUTE_MS);
    answer('refund');
    await compared;
    expect(observer.report()).toMatchObject({ requests: 1, skipped: { 'timed-out': 0 } });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets a call fail late without a word of ours', async () => {
    const observer = open();
    let fail: (reason: Error) => void = () => undefined;
    const cloud = new Promise<string>((_resolve, reject) => {
      fail = reject;
    });
    const compared = observer.observe(request, cloud, undefined);
    await vi.advanceTimersByTimeAsync(6 * MINUTE_MS);
    await compared;
    fail(new Error('502'));
    await vi.advanceTimersByTimeAsync(0);
    expect(observer.report().skipped).toMatchObject({ 'timed-out': 1, 'cloud-failed': 0 });
  });

  it('lets go of a device that never answers', async () => {
    const observer = createObserver({ findStudent: () => never });
    const compared = observer.observe(request, 'refund', undefined);
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    await compared;
    expect(observer.report().skipped).toMatchObject({ 'timed-out': 1 });
  });
});
