import { EdgewiseError, StorageError } from '../errors.ts';
import { isDeadConnection, toStorageError } from './storage-failure.ts';

/** What a connection must offer to be kept alive. */
export interface Closable {
  close(): void;
}

/** Listeners an opener must call when its connection stops being usable. */
export interface ConnectionEvents {
  /** Another tab holds an older version open and does not let go. */
  onBlocked(): void;
  /** The connection is gone, or must go because another tab upgrades. */
  onLost(): void;
}

export interface DatabaseOptions<Connection extends Closable> {
  readonly name: string;
  open(events: ConnectionEvents): Promise<Connection>;
  /** Longest wait once another tab blocks the upgrade. */
  readonly blockedTimeoutMs?: number;
  /** Longest wait for the browser to open at all. */
  readonly openTimeoutMs?: number;
}

/** A database whose connection may die at any time and is reopened when it does. */
export interface Database<Connection extends Closable> {
  /** Runs `operation`, again on a new connection when the old one was dead. */
  run<Result>(
    action: string,
    operation: (connection: Connection) => Promise<Result>,
  ): Promise<Result>;
  close(): void;
}

/** An upgrade blocked by an old tab ends in a typed error within 3 s. */
const BLOCKED_TIMEOUT_MS = 2_500;
/** A browser that neither opens nor refuses is treated as having no storage. */
const OPEN_TIMEOUT_MS = 10_000;
/** Dead connections are normal; more reopenings than this only delay the fallback. */
const MAX_TRIES = 3;

export function createDatabase<Connection extends Closable>(
  options: DatabaseOptions<Connection>,
): Database<Connection> {
  let current: Promise<Connection> | null = null;
  let isClosed = false;

  function connect(): Promise<Connection> {
    if (isClosed) {
      throw new StorageError(
        'connection-lost',
        `The database "${options.name}" was closed: open it again.`,
      );
    }
    // A failed opening must not poison later calls, so it is forgotten as soon as it fails.
    const opening = (current ??= openInTime(options, () => forget(opening)).catch(
      (error: unknown) => {
        forget(opening);
        throw error;
      },
    ));
    return opening;
  }

  function forget(connection: Promise<Connection>): void {
    if (current === connection) current = null;
  }

  return {
    async run(action, operation) {
      let failure: unknown;
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const connection = connect();
        const opened = await connection;
        try {
          return await operation(opened);
        } catch (error) {
          if (!isDeadConnection(error)) throw toStorageError(error, action);
          failure = error;
          forget(connection);
          opened.close();
        }
      }
      throw new StorageError(
        'connection-lost',
        `Could not ${action}: the browser closed the database "${options.name}" ${MAX_TRIES} times in a row.`,
        { cause: failure, isRetryable: true },
      );
    },
    close() {
      isClosed = true;
      // A connection that never opened has nothing to close, and its caller was told.
      void current?.then(
        (connection) => connection.close(),
        () => undefined,
      );
      current = null;
    },
  };
}

/** Opens, or rejects with a typed error in bounded time; a connection that comes late is closed. */
async function openInTime<Connection extends Closable>(
  options: DatabaseOptions<Connection>,
  onLost: () => void,
): Promise<Connection> {
  const deadline = createDeadline(options);
  const opening = startOpening(options, { onBlocked: deadline.onBlocked, onLost });
  try {
    return await Promise.race([opening, deadline.passed]);
  } catch (error) {
    void closeWhenOpen(opening);
    throw EdgewiseError.is(error) ? error : unavailable(options.name, error);
  } finally {
    deadline.clear();
  }
}

/** `open` may throw at once (no `indexedDB`, blocked by policy); that is a rejection like any other. */
async function startOpening<Connection extends Closable>(
  options: DatabaseOptions<Connection>,
  events: ConnectionEvents,
): Promise<Connection> {
  return options.open(events);
}

async function closeWhenOpen(opening: Promise<Closable>): Promise<void> {
  const connection = await opening.catch(() => null);
  connection?.close();
}

interface Deadline {
  readonly passed: Promise<never>;
  onBlocked(): void;
  clear(): void;
}

function createDeadline(
  options: Pick<DatabaseOptions<Closable>, 'name' | 'blockedTimeoutMs' | 'openTimeoutMs'>,
): Deadline {
  const { name, blockedTimeoutMs = BLOCKED_TIMEOUT_MS, openTimeoutMs = OPEN_TIMEOUT_MS } = options;
  const timers: ReturnType<typeof setTimeout>[] = [];
  let expire: (error: StorageError) => void = () => undefined;
  const passed = new Promise<never>((_resolve, reject) => {
    expire = reject;
  });
  timers.push(setTimeout(() => expire(unavailable(name)), openTimeoutMs));
  return {
    passed,
    onBlocked: () => timers.push(setTimeout(() => expire(blocked(name)), blockedTimeoutMs)),
    clear: () => timers.forEach((timer) => clearTimeout(timer)),
  };
}

function blocked(name: string): StorageError {
  return new StorageError(
    'blocked',
    `The database "${name}" waits for another tab with an older version of this page: close or reload that tab.`,
    { isRetryable: true },
  );
}

function unavailable(name: string, cause?: unknown): StorageError {
  return new StorageError(
    'unavailable',
    `The browser gives this page no storage (database "${name}"): private browsing, blocked site data or a full profile. Models work from memory until the tab closes.`,
    { cause },
  );
}
