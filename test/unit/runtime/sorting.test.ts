import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createRuntime, type Runtime } from '../../../src/runtime.ts';
import type { RuntimeOptions } from '../../../src/runtime/options.ts';
import type { Mode, Request } from '../../../src/types.ts';
import { streamOf } from '../../helpers/scripted-server.ts';
import { serveFolder, type StaticServer } from '../../helpers/static-server.ts';

const ENDPOINT = 'http://127.0.0.1:9/edge/v1';
const CLEAR = 'How do I change my PIN?';
const VAGUE = 'Where do I find good pizza?';

const runtimes: Runtime[] = [];
let models: StaticServer;

beforeAll(async () => {
  models = await serveFolder(fileURLToPath(new URL('../../../models/', import.meta.url)));
});
afterAll(() => models.stop());
afterEach(() => {
  for (const runtime of runtimes.splice(0)) runtime.close();
});

function open(options: RuntimeOptions = {}): Runtime {
  const students = [{ url: `${models.url}students/banking77/` }];
  const runtime = createRuntime({
    models: { baseUrl: models.url },
    inProcess: true,
    students,
    ...options,
  });
  runtimes.push(runtime);
  return runtime;
}

const sort = (text: string): Request => ({ task: 'classify', input: { kind: 'text', text } });

/** An endpoint that answers with these words, and what it was sent. */
function endpoint(...words: string[]) {
  const sent: string[] = [];
  const fetch: typeof globalThis.fetch = async (_input, init) => {
    sent.push(String(init?.body ?? ''));
    return new Response(streamOf(words), { headers: { 'content-type': 'text/event-stream' } });
  };
  return { sent, remote: { baseUrl: ENDPOINT, fetch } };
}

describe('A runtime with a student', () => {
  it('sorts what the student is sure of, and tells the decision', async () => {
    const { remote, sent } = endpoint('change_pin');
    const runtime = open({ remote });
    const heard: string[] = [];
    runtime.addEventListener('decision', ({ detail }) => {
      heard.push(`${detail.task} ${detail.decision.action} ${detail.decision.reason}`);
    });
    const sorted = await runtime.classify(sort(CLEAR));
    expect(sorted).toMatchObject({
      label: 'change_pin',
      tier: 'student',
      decision: { reason: 'confident' },
      receipt: { tier: 'student', modelId: 'banking77', costUsd: null },
    });
    expect(heard).toEqual(['classify accept confident']);
    expect(sent).toEqual([]);
  });

  it('asks the endpoint for one of the labels where it is not sure', async () => {
    const { remote, sent } = endpoint('card_', 'arrival');
    const runtime = open({ remote });
    const sorted = await runtime.classify(sort(VAGUE));
    expect(sorted).toMatchObject({
      label: 'card_arrival',
      tier: 'frontier',
      decision: { reason: 'low-confidence', tier: 'student' },
    });
    const { messages } = JSON.parse(sent[0] ?? '');
    expect(messages.at(-1)).toEqual({ role: 'user', content: VAGUE });
    expect(messages[0].content).toContain('\nchange_pin\n');
  });

  it('keeps its own label where the endpoint names none of them', async () => {
    const { remote } = endpoint('I would say pizza');
    const runtime = open({ remote });
    const failures: (string | undefined)[] = [];
    runtime.addEventListener('fallback', ({ detail }) => {
      if (detail.kind === 'tier') failures.push((detail.error as { code?: string } | null)?.code);
    });
    const sorted = await runtime.classify(sort(VAGUE));
    expect(sorted).toMatchObject({ tier: 'student', decision: { reason: 'remote-unavailable' } });
    expect(failures).toEqual(['bad-response']);
  });

  it('lets no byte of a text leave on the device only', async () => {
    const { remote, sent } = endpoint('change_pin');
    const runtime = open({ remote, mode: 'only-on-device' });
    expect((await runtime.classify(sort(VAGUE))).tier).toBe('student');
    expect(sent).toEqual([]);
  });

  it('follows the loss budget of the call before its own', async () => {
    const { remote } = endpoint('change_pin');
    const students = [{ url: `${models.url}students/banking77/`, lossBudget: 0.001 }];
    const runtime = open({ remote, students });
    expect((await runtime.classify(sort(CLEAR))).tier).toBe('frontier');
    expect((await runtime.classify(sort(CLEAR), { lossBudget: 0.05 })).tier).toBe('student');
  });

  it('has a student per task', async () => {
    const students = [{ task: 'triage', url: `${models.url}students/banking77/` }];
    const runtime = open({ students });
    expect((await runtime.classify({ ...sort(CLEAR), task: 'triage' })).label).toBe('change_pin');
    await expect(runtime.classify(sort(CLEAR))).rejects.toMatchObject({ code: 'no-tier' });
    await expect(runtime.students.load()).rejects.toThrow(/No student sorts the task "classify"/);
    expect(await runtime.students.load('triage')).toMatchObject({ id: 'banking77' });
  });

  it('tells what it is promised to do, and on which data', async () => {
    const { certified, labels } = await open().students.load();
    expect(labels).toHaveLength(77);
    expect(certified?.certificates.map(({ alpha }) => alpha)).toEqual([0.01, 0.02, 0.05]);
    expect(certified).toMatchObject({ dataSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('ends its calls when it is closed, and answers no more', async () => {
    const runtime = open();
    await runtime.students.load();
    const call = runtime.classify(sort(CLEAR));
    runtime.close();
    await expect(call).rejects.toMatchObject({ code: 'closed' });
    await expect(runtime.classify(sort(CLEAR))).rejects.toMatchObject({ code: 'closed' });
  });

  it('throws the signal’s reason when it is aborted', async () => {
    const reason = new Error('changed my mind');
    const call = open().classify(sort(CLEAR), { signal: AbortSignal.abort(reason) });
    await expect(call).rejects.toBe(reason);
  });

  it.each([
    [[{}], /students needs url/],
    [[{ url: '' }], /students\.url/],
    [[{ url: '/s/', lossBudget: 2 }], /students\.lossBudget/],
    [[{ url: '/s/', labels: [] }], /Unknown option "students\.labels"/],
    ['/s/', /students/],
  ])('refuses wrong options at once: %j', (students, message) => {
    expect(() => open({ students } as unknown as RuntimeOptions)).toThrow(TypeError);
    expect(() => open({ students } as unknown as RuntimeOptions)).toThrow(message);
  });
});

/** A call of the app that failed, and that the app itself took care of. */
function failed(): Promise<never> {
  const call = Promise.reject(new Error('502'));
  call.catch(() => undefined);
  return call;
}

describe('Watching the app’s own calls', () => {
  it('compares the device with the cloud, and reports', async () => {
    const { remote, sent } = endpoint('change_pin');
    const runtime = open({ remote, mode: 'observe' });
    runtime.observe(sort(CLEAR), 'change_pin', { costUsd: 0.002, durationMs: 700 });
    runtime.observe(sort(VAGUE), Promise.resolve('card_arrival'));
    await expect.poll(async () => (await runtime.observations.list()).length).toBe(2);
    const report = await runtime.observations.report();
    expect(report).toMatchObject({
      requests: 2,
      agreementShare: 0.5,
      certificate: { status: 'not-certifiable', labelsNeeded: 114 },
      saving: null,
    });
    expect(JSON.stringify(await runtime.observations.list())).not.toContain('PIN');
    expect(sent).toEqual([]);
    await runtime.observations.clear();
    expect(await runtime.observations.list()).toEqual([]);
  });

  it('says what could have been kept, and what that would have saved', async () => {
    const runtime = open();
    for (let index = 0; index < 120; index += 1) {
      runtime.observe(sort(`${CLEAR} ${index}`), 'change_pin', { costUsd: 0.001 });
      // Not more at a time than are compared at a time.
      if (index % 50 === 49) {
        await expect
          .poll(async () => (await runtime.observations.list()).length)
          .toBeGreaterThan(index);
      }
    }
    await expect.poll(async () => (await runtime.observations.list()).length).toBe(120);
    const { certificate, saving } = await runtime.observations.report();
    expect(certificate.status).toBe('certified');
    expect(saving?.keptShare).toBeGreaterThan(0.9);
    expect(saving?.costUsd).toBeCloseTo((saving?.keptRequests ?? 0) * 0.001, 9);
  });

  it.each<[string, unknown, unknown, unknown]>([
    ['malformed', null, 'x', undefined],
    ['malformed', { task: 'classify' }, 'x', undefined],
    ['malformed', sort(CLEAR), 'x', { costUsd: -1 }],
    ['malformed', sort(CLEAR), 'x', null],
    ['no-student', { ...sort(CLEAR), task: 'other' }, 'x', undefined],
    ['cloud-failed', sort(CLEAR), failed(), undefined],
    ['cloud-failed', sort(CLEAR), { label: 'x' }, undefined],
  ])('never throws, and counts what it cannot compare: %s', async (reason, ...call) => {
    const runtime = open();
    const [request, answer, facts] = call;
    runtime.observe(request as Request, answer, facts as never);
    await expect
      .poll(async () => (await runtime.observations.report()).skipped)
      .toMatchObject({ [reason]: 1 });
    expect((await runtime.observations.report()).requests).toBe(0);
  });

  it('counts the calls that a missing student cannot compare', async () => {
    const runtime = open({ students: [{ url: `${models.url}students/nobody/` }] });
    runtime.observe(sort(CLEAR), 'change_pin');
    await expect
      .poll(async () => (await runtime.observations.report()).skipped['student-failed'])
      .toBe(1);
  });

  it('lets go of more calls than it compares at a time', async () => {
    const runtime = open();
    let answer: (label: string) => void = () => undefined;
    const cloud = new Promise<string>((resolve) => {
      answer = resolve;
    });
    for (let index = 0; index < 130; index += 1) runtime.observe(sort(CLEAR), cloud);
    await expect
      .poll(async () => (await runtime.observations.report()).skipped['too-many'])
      .toBe(30);
    answer('change_pin');
    await expect.poll(async () => (await runtime.observations.report()).requests).toBe(100);
  });

  it('answers nothing itself in the mode observe', async () => {
    const { remote, sent } = endpoint('change_pin');
    const runtime = open({ remote, mode: 'observe' });
    const refused = { name: 'PolicyError', code: 'refused' };
    await expect(runtime.classify(sort(CLEAR))).rejects.toMatchObject(refused);
    await expect(runtime.generate({ ...sort(CLEAR), task: 'rewrite' })).rejects.toMatchObject(
      refused,
    );
    expect(await runtime.complete.suggest({ before: 'Hel', after: '', field: 'f' })).toBeNull();
    runtime.mode = 'prefer-on-device' satisfies Mode;
    expect((await runtime.classify(sort(CLEAR))).label).toBe('change_pin');
    expect(sent).toEqual([]);
  });
});
