import type { HostMessage } from './protocol.ts';

export interface PendingCall {
  onMessage(message: HostMessage): void;
  fail(error: unknown): void;
}

/** Every call in flight to one host, so that all of them end when the host does. */
export interface PendingCalls {
  readonly size: number;
  /** Takes a call in and gives it its id, counted from 1. Throws when all calls were ended. */
  open(call: PendingCall): number;
  deliver(message: HostMessage): void;
  /** The caller no longer waits. `false` when the call was over already. */
  forget(id: number): boolean;
  /** Rejects every call, also those that come later. The first error counts. */
  failAll(error: Error): void;
}

export function createPendingCalls(): PendingCalls {
  const calls = new Map<number, PendingCall>();
  let lastId = 0;
  let endedBy: Error | null = null;

  return {
    get size() {
      return calls.size;
    },
    open(call) {
      if (endedBy !== null) throw endedBy;
      lastId += 1;
      calls.set(lastId, call);
      return lastId;
    },
    deliver(message) {
      calls.get(message.id)?.onMessage(message);
    },
    forget: (id) => calls.delete(id),
    failAll(error) {
      endedBy ??= error;
      const ended = [...calls.values()];
      calls.clear();
      for (const call of ended) call.fail(endedBy);
    },
  };
}
