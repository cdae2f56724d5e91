import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NetworkError, PolicyError } from '../../../src/errors.ts';
import type { Request } from '../../../src/types.ts';
import {
  createScriptedRemote,
  createScriptedStudent,
  LABELS,
  STUDENT_INFO,
} from '../../helpers/scripted-classifier.ts';
import { setUpSorting as setUp } from '../../helpers/sorting-setup.ts';

const request: Request = { task: 'classify', input: { kind: 'text', text: 'I want my money' } };
const offline = (): NetworkError => new NetworkError('offline', 'Nobody there.');

describe('Sorting a text', () => {
  it('keeps what the student is sure of, at the threshold certified for the budget', async () => {
    const remote = createScriptedRemote('frontier', 'other');
    const { classify, decisions } = setUp({
      student: createScriptedStudent(0.8),
      remotes: [remote],
    });
    const sorted = await classify(request);
    expect(sorted).toMatchObject({ label: 'refund', tier: 'student' });
    expect(sorted.decision).toMatchObject({
      action: 'accept',
      reason: 'confident',
      tier: 'student',
      confidence: 0.8,
      threshold: 0.8,
      numbers: { lossBudget: 0.02, certifiedLoss: 0.019, certificateLabels: 1000 },
    });
    expect(decisions).toEqual([sorted.decision]);
    expect(remote.calls).toEqual([]);
  });

  it('asks above where the student is less sure than that', async () => {
    const remote = createScriptedRemote('frontier', 'other');
    const { classify, reasons } = setUp({
      student: createScriptedStudent(0.79),
      remotes: [remote],
    });
    const sorted = await classify(request);
    expect(sorted).toMatchObject({ label: 'other', tier: 'frontier', probabilities: null });
    expect(sorted.decision).toMatchObject({
      action: 'escalate',
      reason: 'low-confidence',
      tier: 'student',
      confidence: 0.79,
      threshold: 0.8,
    });
    expect(reasons()).toEqual(['low-confidence']);
    expect(remote.calls[0]?.labels).toEqual(LABELS);
  });

  it.each([
    [0.05, 'student'],
    [0.06, 'student'],
    [0.049, 'frontier'],
    [0.02, 'frontier'],
  ])('with a loss budget of %f a sureness of 0.6 is answered by %s', async (lossBudget, tier) => {
    const { classify } = setUp({
      student: createScriptedStudent(0.6),
      remotes: [createScriptedRemote('frontier', 'other')],
    });
    expect((await classify(request, { lossBudget })).tier).toBe(tier);
  });

  it.each([0.01, 0.001])(
    'keeps nothing where %f is not certified, however sure the student is',
    async (lossBudget) => {
      const { classify } = setUp({
        student: createScriptedStudent(1),
        remotes: [createScriptedRemote('frontier', 'other')],
      });
      const { tier, decision } = await classify(request, { lossBudget });
      expect(tier).toBe('frontier');
      expect(decision).toMatchObject({ reason: 'low-confidence', threshold: null });
    },
  );

  it('uses the rule where the student has no certificates, and says that nothing is promised', async () => {
    const student = createScriptedStudent(0.5, { ...STUDENT_INFO, certified: null });
    const { classify } = setUp({ student, remotes: [createScriptedRemote('slm', 'other')] });
    const { tier, decision } = await classify(request);
    expect(tier).toBe('student');
    expect(decision.numbers).toMatchObject({ certifiedLoss: null, certificateLabels: null });
  });

  it('asks the lowest rung above first', async () => {
    const slm = createScriptedRemote('slm', 'other');
    const frontier = createScriptedRemote('frontier', 'other');
    const { classify } = setUp({ student: createScriptedStudent(0), remotes: [slm, frontier] });
    expect((await classify(request)).tier).toBe('slm');
    expect(frontier.calls).toEqual([]);
  });
});

describe('Where the tier above fails', () => {
  it.each([
    ['out of reach', offline()],
    ['answers with no label', new NetworkError('bad-response', 'None of the labels.')],
  ])('and is %s, the student’s label stands and says so', async (_name, error) => {
    const student = createScriptedStudent(0.3);
    const { classify, reasons, fallbacks } = setUp({
      student,
      remotes: [createScriptedRemote('frontier', error)],
    });
    const sorted = await classify(request);
    expect(sorted).toMatchObject({ label: 'refund', tier: 'student' });
    expect(sorted.decision).toMatchObject({
      action: 'accept',
      reason: 'remote-unavailable',
      confidence: 0.3,
      threshold: 0.8,
    });
    expect(reasons()).toEqual(['low-confidence', 'remote-unavailable']);
    expect(fallbacks).toEqual([
      { from: 'frontier', to: 'student', reason: 'remote-unavailable', error },
    ]);
    expect(student.calls).toHaveLength(1);
  });

  it('and refuses, nobody goes around it', async () => {
    const error = new PolicyError('refused', 'Withheld.');
    const { classify } = setUp({
      student: createScriptedStudent(0.3),
      remotes: [createScriptedRemote('frontier', error)],
    });
    await expect(classify(request)).rejects.toBe(error);
  });

  it('and the network is known to be gone, it is not asked at all', async () => {
    const remote = createScriptedRemote('frontier', 'other');
    const { classify } = setUp({
      student: createScriptedStudent(0.3),
      remotes: [remote],
      isOffline: () => true,
    });
    const { tier, decision } = await classify(request);
    expect(tier).toBe('student');
    expect(decision).toMatchObject({ action: 'accept', reason: 'offline' });
    expect(remote.calls).toEqual([]);
  });

  it('and there is nobody else, its error is thrown', async () => {
    const error = offline();
    const { classify } = setUp({ remotes: [createScriptedRemote('frontier', error)] });
    await expect(classify({ ...request, labels: LABELS })).rejects.toBe(error);
  });
});

describe('The modes of sorting', () => {
  const remotes = () => [createScriptedRemote('frontier', 'other')];

  it('keep everything on the device in only-on-device, sure or not', async () => {
    const [remote] = remotes();
    const setup = { mode: 'only-on-device', remotes: [remote!] } as const;
    const unsure = setUp({ ...setup, student: createScriptedStudent(0.1) });
    expect(await unsure.classify(request)).toMatchObject({
      tier: 'student',
      decision: {
        action: 'accept',
        reason: 'mode-only-on-device',
        confidence: 0.1,
        threshold: 0.8,
      },
    });
    const sure = setUp({ ...setup, student: createScriptedStudent(0.9) });
    expect((await sure.classify(request)).decision.reason).toBe('confident');
    expect(remote?.calls).toEqual([]);
  });

  it('never send anything in only-on-device, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(offline())),
        fc.option(fc.constant(offline()), { nil: undefined }),
        fc.boolean(),
        async (sureness, openError, hasLabels) => {
          const remote = createScriptedRemote('frontier', 'other');
          const student = createScriptedStudent(sureness, openError ?? STUDENT_INFO);
          const { classify } = setUp({ student, remotes: [remote], mode: 'only-on-device' });
          await classify(hasLabels ? { ...request, labels: LABELS } : request).catch(() => null);
          expect(remote.calls).toEqual([]);
        },
      ),
    );
  });

  it('skip the student in only-in-cloud, and never let it stand in', async () => {
    const student = createScriptedStudent(1);
    const answering = setUp({ student, remotes: remotes(), mode: 'only-in-cloud' });
    expect(await answering.classify(request)).toMatchObject({
      tier: 'frontier',
      decision: { reason: 'mode-only-in-cloud' },
    });
    const error = offline();
    const failing = setUp({
      student,
      remotes: [createScriptedRemote('frontier', error)],
      mode: 'only-in-cloud',
    });
    await expect(failing.classify(request)).rejects.toBe(error);
    expect(student.calls).toEqual([]);
  });

  it('do not wait for the student in only-in-cloud where the call names the labels', async () => {
    const student = {
      ...createScriptedStudent(1),
      open: () => new Promise<never>(() => undefined),
    };
    const { classify, fallbacks } = setUp({ student, remotes: remotes(), mode: 'only-in-cloud' });
    expect(await classify({ ...request, labels: LABELS })).toMatchObject({
      label: 'other',
      tier: 'frontier',
      decision: { reason: 'mode-only-in-cloud' },
    });
    expect(fallbacks).toEqual([]);
  });

  it('say that nobody is in the cloud, though a student is here', async () => {
    const { classify, reasons } = setUp({
      student: createScriptedStudent(1),
      mode: 'only-in-cloud',
    });
    const call = classify({ ...request, labels: LABELS });
    await expect(call).rejects.toMatchObject({ name: 'PolicyError', code: 'no-tier' });
    expect(reasons()).toEqual(['mode-only-in-cloud']);
  });

  it('ask above first in prefer-in-cloud, where the student stands in', async () => {
    const student = createScriptedStudent(0.9);
    const answering = setUp({ student, remotes: remotes(), mode: 'prefer-in-cloud' });
    expect(await answering.classify(request)).toMatchObject({
      tier: 'frontier',
      decision: { reason: 'mode-prefer-in-cloud' },
    });
    const failing = setUp({
      student,
      remotes: [createScriptedRemote('frontier', offline())],
      mode: 'prefer-in-cloud',
    });
    expect(await failing.classify(request)).toMatchObject({
      label: 'refund',
      tier: 'student',
      decision: { action: 'accept', reason: 'remote-unavailable' },
    });
  });

  it('follow the request before the runtime', async () => {
    const { classify } = setUp({ student: createScriptedStudent(0.1), remotes: remotes() });
    expect((await classify({ ...request, mode: 'only-on-device' })).tier).toBe('student');
  });

  it('say where nobody is above', async () => {
    const { classify } = setUp({ student: createScriptedStudent(0.1) });
    expect((await classify(request)).decision).toMatchObject({
      action: 'accept',
      reason: 'no-higher-tier',
      confidence: 0.1,
      threshold: 0.8,
    });
  });
});

describe('The owner’s rules of sorting', () => {
  const egress = [{ field: 'diagnosis', egress: 'local-only' }] as const;

  it('keep a field on the device', async () => {
    const remote = createScriptedRemote('frontier', 'other');
    const { classify } = setUp({ student: createScriptedStudent(0.1), remotes: [remote], egress });
    const sorted = await classify({ ...request, field: 'diagnosis' });
    expect(sorted).toMatchObject({ tier: 'student', decision: { reason: 'rule-local-only' } });
    expect(remote.calls).toEqual([]);
    expect((await classify({ ...request, field: 'subject' })).tier).toBe('frontier');
  });

  it('end in a typed error where only the cloud could answer', async () => {
    const { classify, reasons } = setUp({
      remotes: [createScriptedRemote('frontier', 'other')],
      egress,
    });
    await expect(
      classify({ ...request, field: 'diagnosis', labels: LABELS }),
    ).rejects.toMatchObject({ name: 'PolicyError', code: 'egress-forbidden' });
    expect(reasons()).toEqual(['rule-local-only']);
  });
});

describe('A call that is aborted', () => {
  it('throws the signal’s own reason before, and while the cloud is asked', async () => {
    const reason = new Error('changed my mind');
    const remote = createScriptedRemote('frontier', 'wait');
    const student = createScriptedStudent(0.1);
    const { classify } = setUp({ student, remotes: [remote] });
    await expect(classify(request, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(student.calls).toEqual([]);
    const controller = new AbortController();
    const call = classify(request, { signal: controller.signal });
    const outcome = expect(call).rejects.toBe(reason);
    await expect.poll(() => remote.calls).toHaveLength(1);
    controller.abort(reason);
    await outcome;
  });
});

describe('A malformed call', () => {
  const { classify } = setUp({ student: createScriptedStudent(1) });

  it.each([
    ['no request', null],
    ['no input', { task: 'classify' }],
    ['no labels in a list', { ...request, labels: [] }],
    ['a label twice', { ...request, labels: ['a', 'a'] }],
    ['a label without letters', { ...request, labels: ['a', ''] }],
    ['labels that are no list', { ...request, labels: 'a' }],
  ])('is refused with TypeError: %s', async (_name, value) => {
    await expect(classify(value as Request)).rejects.toThrow(TypeError);
  });

  it.each([0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'is refused with RangeError: a loss budget of %f',
    async (lossBudget) => {
      await expect(classify(request, { lossBudget })).rejects.toThrow(RangeError);
    },
  );
});
