import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StorageError } from '../../../src/errors.ts';
import {
  type ConnectionEvents,
  createDatabase,
  type DatabaseOptions,
} from '../../../src/storage/database.ts';

interface FakeConnection {
  readonly number: number;
  isClosed: boolean;
  close(): void;
}

let opened: FakeConnection[];
let events: ConnectionEvents[];
beforeEach(() => {
  opened = [];
  events = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function connect(): FakeConnection {
  const connection: FakeConnection = {
    number: opened.length + 1,
    isClosed: false,
    close: () => {
      connection.isClosed = true;
    },
  };
  opened.push(connection);
  return connection;
}

function create(open?: DatabaseOptions<FakeConnection>['open']) {
  return createDatabase<FakeConnection>({
    name: 'test',
    open:
      open ??
      (async (listeners) => {
        events.push(listeners);
        return connect();
      }),
  });
}

const dead = (): DOMException =>
  new DOMException('The connection is closing.', 'InvalidStateError');

it('opens once for many calls', async () => {
  const database = create();
  const numbers = await Promise.all(
    [1, 2, 3].map(() => database.run('read', async (c) => c.number)),
  );
  expect(numbers).toEqual([1, 1, 1]);
});

it('reopens a dead connection and repeats the call', async () => {
  const database = create();
  const number = await database.run('read', async (connection) => {
    if (connection.number < 3) throw dead();
    return connection.number;
  });
  expect(number).toBe(3);
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
});

it('gives up after three dead connections, and tries anew at the next call', async () => {
  const database = create();
  const failure = database.run('read a shard', () => Promise.reject(dead()));
  await expect(failure).rejects.toMatchObject({ code: 'connection-lost', isRetryable: true });
  expect(opened).toHaveLength(3);
  expect(await database.run('read', async ({ number }) => number)).toBe(4);
});

it('reopens after the browser ended the connection', async () => {
  const database = create();
  await database.run('read', async () => undefined);
  events[0]?.onLost();
  expect(await database.run('read', async ({ number }) => number)).toBe(2);
});

it('does not repeat a call that failed for another reason', async () => {
  const database = create();
  const quota = new DOMException('full', 'QuotaExceededError');
  const failure = database.run('store a shard', () => Promise.reject(quota));
  await expect(failure).rejects.toMatchObject({ code: 'quota-exceeded', cause: quota });
  const other = database.run('store a shard', () => Promise.reject(new Error('no')));
  await expect(other).rejects.toMatchObject({ code: 'write-failed' });
  expect(opened).toHaveLength(1);
});

it.each([
  [
    'throws at once',
    () => {
      throw new DOMException('denied', 'SecurityError');
    },
  ],
  ['rejects', () => Promise.reject(new DOMException('broken', 'UnknownError'))],
])('is unavailable when opening %s', async (_name, open) => {
  const failure = create(open).run('read', async () => undefined);
  await expect(failure).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' });
});

it('tries to open again after it failed', async () => {
  let tries = 0;
  const database = create(async () => {
    tries += 1;
    if (tries === 1) throw new Error('not yet');
    return connect();
  });
  await expect(database.run('read', async () => 1)).rejects.toBeInstanceOf(StorageError);
  expect(await database.run('read', async () => 1)).toBe(1);
});

it('is blocked within three seconds when another tab holds on, and closes what comes late', async () => {
  let arrive: (connection: FakeConnection) => void = () => undefined;
  const database = create((listeners) => {
    listeners.onBlocked();
    return new Promise((resolve) => {
      arrive = resolve;
    });
  });
  const failure = expect(database.run('read', async () => 1)).rejects.toMatchObject({
    code: 'blocked',
    isRetryable: true,
  });
  await vi.advanceTimersByTimeAsync(3000);
  await failure;
  const late = connect();
  arrive(late);
  await vi.advanceTimersByTimeAsync(0);
  expect(late.isClosed).toBe(true);
});

it('is unavailable when the browser never answers', async () => {
  const database = create(() => new Promise(() => undefined));
  const failure = expect(database.run('read', async () => 1)).rejects.toMatchObject({
    code: 'unavailable',
  });
  await vi.advanceTimersByTimeAsync(10_000);
  await failure;
});

it('closes its connection and refuses later calls', async () => {
  const database = create();
  await database.run('read', async () => undefined);
  database.close();
  await vi.advanceTimersByTimeAsync(0);
  expect(opened[0]?.isClosed).toBe(true);
  await expect(database.run('read', async () => 1)).rejects.toMatchObject({
    code: 'connection-lost',
  });
});
