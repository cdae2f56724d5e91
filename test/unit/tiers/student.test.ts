import { describe, expect, it } from 'vitest';

import { createStudentTier } from '../../../src/tiers/student.ts';
import { textOfInput } from '../../../src/tiers/request-text.ts';
import type { CallOptions, Request, StudentInfo } from '../../../src/types.ts';
import type { ClassifyRequest } from '../../../src/worker/connect.ts';
import { collect } from '../../contract/tier.contract.ts';
import { STUDENT_INFO } from '../../helpers/scripted-classifier.ts';

const request: Request = { task: 'triage', input: { kind: 'text', text: 'My money, please' } };

/** A host that knows one student, and what it was asked. `update` starts it anew with a newer one. */
function createHost() {
  let info = STUDENT_INFO;
  const opened: string[] = [];
  const sorted: ClassifyRequest[] = [];
  return {
    opened,
    sorted,
    update(newer: StudentInfo) {
      info = newer;
    },
    async student(url: string, options?: CallOptions) {
      options?.signal?.throwIfAborted();
      opened.push(url);
      return info;
    },
    async classify(asked: ClassifyRequest, options?: CallOptions) {
      options?.signal?.throwIfAborted();
      sorted.push(asked);
      return {
        studentSha256: info.sha256,
        label: 'refund',
        probabilities: { refund: 0.8, card_lost: 0.1, other: 0.1 },
        evidence: { topProbability: 0.8, margin: 0.7, entropy: 0.5, trainingDistance: null },
        busyMs: 0.3,
      };
    },
  };
}

describe('A student tier', () => {
  it('asks the worker, and writes a receipt that admits what it does not know', async () => {
    const host = createHost();
    const tier = createStudentTier({ connection: host, url: '/s/' });
    expect(tier).toMatchObject({ id: 'student', place: 'device', modelId: null });
    const sorted = await tier.classify(request);
    expect(host.sorted).toEqual([{ studentUrl: '/s/', text: 'My money, please' }]);
    expect(sorted).toMatchObject({
      label: 'refund',
      tier: 'student',
      confidence: { value: 0.8, calibrationId: 'uncalibrated' },
      decision: null,
      evidence: { margin: 0.7 },
      receipt: {
        task: 'triage',
        tier: 'student',
        modelId: 'bank',
        busyMs: 0.3,
        inputTokens: null,
        costUsd: null,
        energyWh: null,
      },
    });
    expect(tier.modelId).toBe('bank');
  });

  it('opens its student once', async () => {
    const host = createHost();
    const tier = createStudentTier({ connection: host, url: '/s/' });
    await tier.open();
    await tier.classify(request);
    await tier.classify(request);
    expect(host.opened).toEqual(['/s/']);
  });

  it('knows that a newer student answered, and what is promised of that one', async () => {
    const host = createHost();
    const tier = createStudentTier({ connection: host, url: '/s/' });
    expect(await tier.open()).toBe(STUDENT_INFO);
    const newer = { ...STUDENT_INFO, id: 'bank-2', sha256: 'c'.repeat(64), certified: null };
    host.update(newer);
    const sorted = await tier.classify(request);
    expect(sorted.receipt.modelId).toBe('bank-2');
    expect(await tier.open()).toBe(newer);
    expect(tier.modelId).toBe('bank-2');
    expect(host.opened).toEqual(['/s/', '/s/']);
  });

  it('gives its label as text to whoever wants a stream', async () => {
    const tier = createStudentTier({ connection: createHost(), url: '/s/' });
    const events = await collect(tier, request);
    expect(events).toMatchObject([
      { type: 'text-delta', text: 'refund', evidence: [{ textLength: 6, logProbability: null }] },
      { type: 'finish', reason: 'stop', tier: 'student', confidence: { value: 0.8 } },
    ]);
  });

  it('asks nobody once the call is aborted', async () => {
    const host = createHost();
    const tier = createStudentTier({ connection: host, url: '/s/' });
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await expect(tier.classify(request, { signal })).rejects.toBe(reason);
    await expect(collect(tier, request, signal)).rejects.toBe(reason);
    expect(host.opened).toEqual([]);
  });
});

describe('The text of an input', () => {
  it.each<[Request['input'], string]>([
    [{ kind: 'text', text: 'a' }, 'a'],
    [{ kind: 'prefix', before: 'a ', after: 'b' }, 'a b'],
    [{ kind: 'prefix', before: 'a' }, 'a'],
    [{ kind: 'messages', messages: [{ role: 'user', content: 'a' }] }, 'a'],
    [{ kind: 'messages', messages: [{ role: 'system', content: 'a' }] }, ''],
  ])('of %j is %j', (input, text) => {
    expect(textOfInput(input)).toBe(text);
  });
});
