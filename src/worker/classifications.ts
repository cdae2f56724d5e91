import type { Clients } from './clients.ts';
import type { ClassifyRequest, Envelope, StudentAnswer } from './protocol.ts';
import type { OpenStudent, StudentShelf } from './student-shelf.ts';
import { encodeError } from './wire-error.ts';

/** Texts that wait for a student, or are being sorted. */
export interface Classifications {
  submit(call: Envelope, request: ClassifyRequest): void;
  /** Ends a call without a word. `false` when there is none. */
  abort(call: Envelope): boolean;
}

/**
 * A student computes in one go, a few milliseconds, so it needs no turns: it answers between two steps
 * of the engine. Only its file may have to be waited for.
 */
export function createClassifications(
  shelf: StudentShelf,
  clients: Pick<Clients, 'reply'>,
): Classifications {
  const waiting = new Map<string, AbortController>();

  async function openFor(call: Envelope, request: ClassifyRequest): Promise<void> {
    const controller = new AbortController();
    waiting.set(keyOf(call), controller);
    try {
      const student = await shelf.open(request.studentUrl, controller.signal);
      if (!controller.signal.aborted) answer(call, request, student);
    } catch (error) {
      if (!controller.signal.aborted) fail(call, error);
    } finally {
      waiting.delete(keyOf(call));
    }
  }

  function answer(call: Envelope, { text }: ClassifyRequest, opened: OpenStudent): void {
    try {
      clients.reply(call, { type: 'classified', answer: predict(opened, text) });
    } catch (error) {
      fail(call, error);
    }
  }

  const fail = (call: Envelope, error: unknown): void =>
    clients.reply(call, { type: 'error', error: encodeError(error) });

  return {
    submit(call, request) {
      const student = shelf.peek(request.studentUrl);
      if (student === null) void openFor(call, request);
      else answer(call, request, student);
    },
    abort(call) {
      const controller = waiting.get(keyOf(call));
      controller?.abort();
      return controller !== undefined;
    },
  };
}

function predict({ student, info }: OpenStudent, text: string): StudentAnswer {
  const startMs = performance.now();
  const { label, probabilities, evidence } = student.predict(text);
  const busyMs = performance.now() - startMs;
  return { studentSha256: info.sha256, label, probabilities, evidence, busyMs };
}

function keyOf({ from, id }: Envelope): string {
  return `${from} ${id}`;
}
