import { afterEach, describe, expect, it } from 'vitest';

import { createMemoryShardStore } from '../../src/storage/shard-store.ts';
import type { ShardStore } from '../../src/types.ts';
import { connect, type HostConnection } from '../../src/worker/connect.ts';
import { createHost } from '../../src/worker/host.ts';
import { createStudentServer, STUDENT_URL, type StudentServer } from '../helpers/student-server.ts';

const MESSAGE = { studentUrl: STUDENT_URL, text: 'My card has still not arrived' };

/** A store that outlives its host, as a browser's does. */
function createLastingStore(): ShardStore {
  return { ...createMemoryShardStore(), isPersistent: true, close: () => undefined };
}

const connections: HostConnection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function open(server: StudentServer, store = createLastingStore()): HostConnection {
  const connection = connect({
    baseUrl: 'http://models.test/',
    inProcess: true,
    createHost: (options) =>
      createHost({ ...options, fetch: server.fetch, openStore: async () => store }),
  });
  connections.push(connection);
  return connection;
}

describe('A student behind the host', () => {
  it('names one of its labels, with probabilities and evidence', async () => {
    const connection = open(createStudentServer());
    const info = await connection.student(STUDENT_URL);
    expect(info).toMatchObject({ id: 'banking77', licence: { id: 'CC-BY-4.0' } });
    expect(info.labels).toHaveLength(77);
    const answer = await connection.classify(MESSAGE);
    expect(answer.label).toBe('card_arrival');
    expect(answer.studentSha256).toBe((await connection.student(STUDENT_URL)).sha256);
    const shares = Object.values(answer.probabilities);
    expect(shares).toHaveLength(77);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(answer.evidence.topProbability).toBe(answer.probabilities['card_arrival']);
  });

  it('is fetched once, also when many ask at the same time', async () => {
    const server = createStudentServer();
    const connection = open(server);
    const answers = await Promise.all(
      ['One', 'Two', 'Three'].map((text) => connection.classify({ ...MESSAGE, text })),
    );
    expect(answers).toHaveLength(3);
    const files = server.requests.filter((name) => name.endsWith('.student'));
    expect(files).toEqual(['banking77/banking77.student']);
  });

  it('needs no network at the second visit', async () => {
    const store = createLastingStore();
    const first = open(createStudentServer(), store);
    const before = await first.classify(MESSAGE);
    first.close();
    const offline = createStudentServer();
    for (const name of ['student.json', 'certificates.json', 'banking77.student']) {
      offline.replace(name, () => Promise.reject(new TypeError('Failed to fetch')));
    }
    const second = open(offline, store);
    expect(await second.student(STUDENT_URL)).toMatchObject({ id: 'banking77' });
    expect((await second.classify(MESSAGE)).label).toBe(before.label);
  });

  it('is fetched again when its stored file is damaged', async () => {
    const store = createLastingStore();
    const server = createStudentServer();
    const first = open(server, store);
    const { sha256 } = await first.student(STUDENT_URL);
    await store.put({ sha256, index: 0 }, new Blob(['damaged']));
    first.close();
    const second = open(server, store);
    expect((await second.classify(MESSAGE)).label).toBe('card_arrival');
    expect(server.requests.filter((name) => name.endsWith('.student'))).toHaveLength(2);
  });

  it.each([
    ['with other bytes of that length', 'hash-mismatch', (size: number) => new Uint8Array(size)],
    ['cut short', 'size-mismatch', (size: number) => new Uint8Array(size - 1)],
    ['too long', 'size-mismatch', (size: number) => new Uint8Array(size + 1)],
  ])('is refused %s', async (_name, code, makeBytes) => {
    const server = createStudentServer();
    const { sizeBytes } = await open(server).student(STUDENT_URL);
    server.replace('banking77.student', () => new Response(makeBytes(sizeBytes)));
    const store = createLastingStore();
    await expect(open(server, store).classify(MESSAGE)).rejects.toMatchObject({
      name: 'ModelError',
      code,
    });
    server.replace('banking77.student', null);
    expect((await open(server, store).classify(MESSAGE)).label).toBe('card_arrival');
  });

  it('is a typed error where there is none, and found once it is there', async () => {
    const server = createStudentServer();
    const connection = open(server);
    server.replace('student.json', () => new Response('Not found', { status: 404 }));
    await expect(connection.classify(MESSAGE)).rejects.toMatchObject({ code: 'http-status' });
    server.replace('student.json', () => new Response('<!doctype html>'));
    await expect(connection.classify(MESSAGE)).rejects.toMatchObject({ code: 'bad-manifest' });
    server.replace('student.json', null);
    expect((await connection.classify(MESSAGE)).label).toBe('card_arrival');
  });

  it('keeps a newer one of the server for the next visit', async () => {
    const store = createLastingStore();
    const server = createStudentServer();
    const first = open(server, store);
    await first.student(STUDENT_URL);
    first.close();
    const card = await (await server.fetch(`${STUDENT_URL}student.json`)).json();
    server.replace('student.json', () => Response.json({ ...card, name: 'A newer name' }));
    const second = open(server, store);
    const { name } = await second.student(STUDENT_URL);
    expect(name).toBe(card.name);
    const third = open(server, store);
    await expect
      .poll(async () => {
        const fresh = open(server, store);
        return (await fresh.student(STUDENT_URL)).name;
      })
      .toBe('A newer name');
    third.close();
  });

  it('is promised nothing by certificates of another file', async () => {
    const server = createStudentServer();
    const { certified, sha256 } = await open(server).student(STUDENT_URL);
    const file = {
      version: 1,
      studentSha256: sha256,
      score: 'topProbability',
      dataName: 'rows',
      dataSha256: 'a'.repeat(64),
      date: '2026-11-24',
      certificates: [],
    };
    server.replace('certificates.json', () => Response.json(file));
    expect((await open(server).student(STUDENT_URL)).certified).toMatchObject({ dataName: 'rows' });
    server.replace('certificates.json', () =>
      Response.json({ ...file, studentSha256: 'b'.repeat(64) }),
    );
    expect((await open(server).student(STUDENT_URL)).certified).toBeNull();
    expect(certified === null || certified.certificates.length > 0).toBe(true);
  });

  it('gives up a call that is aborted while the file is on its way', async () => {
    const server = createStudentServer();
    const connection = open(server);
    server.replace('student.json', () => new Promise<Response>(() => undefined));
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const call = connection.classify(MESSAGE, { signal: controller.signal });
    const outcome = expect(call).rejects.toBe(reason);
    await expect.poll(() => server.requests).toContain('banking77/student.json');
    controller.abort(reason);
    await outcome;
    server.replace('student.json', null);
    expect((await connection.classify(MESSAGE)).label).toBe('card_arrival');
  });

  it('ends its calls when the connection is closed', async () => {
    const server = createStudentServer();
    const connection = open(server);
    server.replace('student.json', () => new Promise<Response>(() => undefined));
    const call = connection.classify(MESSAGE);
    const outcome = expect(call).rejects.toMatchObject({ code: 'closed' });
    await expect.poll(() => server.requests).toContain('banking77/student.json');
    connection.close();
    await outcome;
  });

  it('answers a sorted message within 5 ms of computing', async () => {
    const connection = open(createStudentServer());
    const times: number[] = [];
    for (let index = 0; index < 40; index += 1) {
      const { busyMs } = await connection.classify({
        ...MESSAGE,
        text: `${MESSAGE.text} ${index}`,
      });
      times.push(busyMs);
    }
    const sorted = times.toSorted((left, right) => left - right);
    expect(sorted[20]).toBeLessThan(5);
  });

  it.each(['', '   ', 'x'.repeat(100_000), '\u0000\uD800🙂', 'ünïcødé مرحبا 你好'])(
    'answers any text: %#',
    async (text) => {
      const { label, probabilities } = await open(createStudentServer()).classify({
        ...MESSAGE,
        text,
      });
      expect(Object.keys(probabilities)).toContain(label);
    },
  );
});
