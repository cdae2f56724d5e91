import { describe, expect, it } from 'vitest';

import { EngineError, NetworkError } from '../../../src/errors.ts';
import type { Request, StudentInfo } from '../../../src/types.ts';
import {
  createScriptedRemote,
  createScriptedStudent,
  LABELS,
  STUDENT_INFO,
} from '../../helpers/scripted-classifier.ts';
import { setUpSorting as setUp } from '../../helpers/sorting-setup.ts';

const request: Request = { task: 'classify', input: { kind: 'text', text: 'I want my money' } };
const offline = (): NetworkError => new NetworkError('offline', 'Nobody there.');
/** Certificates of which none covers the default loss budget. */
const NOTHING_KEPT = STUDENT_INFO.certified && { ...STUDENT_INFO.certified, certificates: [] };

describe('Where another student is here than the one that was opened', () => {
  it.each<[string, Partial<StudentInfo>, string, number | null]>([
    ['promises nothing', { certified: null }, 'student', 0.45],
    ['keeps nothing at this loss', { certified: NOTHING_KEPT }, 'frontier', null],
    ['knows other labels', { labels: ['refund', 'new'] }, 'frontier', null],
  ])(
    'judges a label by the student that gave it: a newer one %s',
    async (_name, facts, ...[tier, threshold]) => {
      const infos = [STUDENT_INFO, { ...STUDENT_INFO, ...facts, sha256: 'c'.repeat(64) }];
      // The worker broke down between opening and answering, and began again with what is stored.
      const student = {
        ...createScriptedStudent(0.9),
        open: async () => (infos.length > 1 ? infos.shift() : infos[0]) ?? STUDENT_INFO,
      };
      const remotes = [createScriptedRemote('frontier', 'other')];
      const { classify, decisions } = setUp({ student, remotes });
      const sorted = await classify({ ...request, labels: LABELS });
      expect(sorted.tier).toBe(tier);
      expect(sorted.decision).toMatchObject({ threshold, numbers: expect.anything() });
      expect(sorted.decision.numbers['certifiedLoss'] ?? null).toBeNull();
      expect(decisions).toEqual([sorted.decision]);
    },
  );

  it('judges a label that stands in by the student that gave it, too', async () => {
    const infos = [STUDENT_INFO, { ...STUDENT_INFO, certified: null, sha256: 'c'.repeat(64) }];
    const student = {
      ...createScriptedStudent(0.9),
      open: async () => (infos.length > 1 ? infos.shift() : infos[0]) ?? STUDENT_INFO,
    };
    const remotes = [createScriptedRemote('frontier', offline())];
    const { classify } = setUp({ student, remotes, mode: 'prefer-in-cloud' });
    const { tier, decision } = await classify(request);
    expect(tier).toBe('student');
    expect(decision.numbers).toMatchObject({ certifiedLoss: null });
  });
});

describe('Where the student cannot answer', () => {
  it('a tier above does, with the labels of the call', async () => {
    const error = offline();
    const { classify, fallbacks } = setUp({
      student: createScriptedStudent(1, error),
      remotes: [createScriptedRemote('frontier', 'other')],
    });
    const sorted = await classify({ ...request, labels: LABELS });
    expect(sorted).toMatchObject({ label: 'other', tier: 'frontier' });
    expect(fallbacks).toEqual([
      { from: 'student', to: 'frontier', reason: 'device-unavailable', error },
    ]);
  });

  it.each(['prefer-on-device', 'observe', 'only-on-device'] as const)(
    'because it fails after it was opened, the mode %s decides as for a student that is missing',
    async (mode) => {
      const error = offline();
      const remote = createScriptedRemote('frontier', 'other');
      const { classify, fallbacks } = setUp({
        student: createScriptedStudent(error),
        remotes: [remote],
        mode,
      });
      if (mode !== 'prefer-on-device') {
        const refused = mode === 'observe' ? { code: 'refused' } : error;
        await expect(classify(request)).rejects.toMatchObject(refused);
        expect(remote.calls).toEqual([]);
        return;
      }
      expect(await classify(request)).toMatchObject({
        label: 'other',
        tier: 'frontier',
      });
      expect(remote.calls[0]?.labels).toEqual(LABELS);
      expect(fallbacks).toEqual([
        { from: 'student', to: 'frontier', reason: 'device-unavailable', error },
      ]);
    },
  );

  it('and nobody is above, its own error is thrown', async () => {
    const error = offline();
    await expect(setUp({ student: createScriptedStudent(error) }).classify(request)).rejects.toBe(
      error,
    );
  });

  it('because the call was aborted or the runtime closed, nobody is asked instead', async () => {
    const closed = new EngineError('closed', 'Closed.');
    const remote = createScriptedRemote('frontier', 'other');
    const { classify } = setUp({ student: createScriptedStudent(closed), remotes: [remote] });
    await expect(classify(request)).rejects.toBe(closed);
    expect(remote.calls).toEqual([]);
  });

  it('and nobody knows the labels, its own error tells why', async () => {
    const error = offline();
    const { classify } = setUp({
      student: createScriptedStudent(1, error),
      remotes: [createScriptedRemote('frontier', 'other')],
    });
    await expect(classify(request)).rejects.toBe(error);
  });

  it('because the call knows fewer labels, a tier above chooses among those', async () => {
    const student = createScriptedStudent(1);
    const remote = createScriptedRemote('frontier', 'other');
    const { classify } = setUp({ student, remotes: [remote] });
    const sorted = await classify({ ...request, labels: ['refund', 'other'] });
    expect(sorted.tier).toBe('frontier');
    expect(student.calls).toEqual([]);
    expect(remote.calls[0]?.labels).toEqual(['refund', 'other']);
  });

  it('for a task it does not know, somebody who does is needed', async () => {
    const { classify } = setUp({ student: createScriptedStudent(1) });
    await expect(classify({ ...request, task: 'triage' })).rejects.toMatchObject({
      name: 'PolicyError',
      code: 'no-tier',
    });
  });
});
