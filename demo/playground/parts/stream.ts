import type { Request, Runtime, TierFinish } from 'edgewise';

import type { AnswerTurn, Unsent } from './answer.ts';
import type { Endpoint } from './endpoint.ts';

/** Who answers, the way out, and where the answer shows. */
export interface Counter {
  readonly runtime: Runtime;
  readonly endpoint: Endpoint;
  readonly view: AnswerTurn;
}

export interface StreamOptions {
  readonly call: AbortController;
  /** Takes over when a request could not leave. Absent: whoever stands in may answer. */
  readonly onUnsent?: (unsent: Unsent) => void;
}

const NOBODY = 'The model on this device is not ready, and no server could be asked.';

/** Runs one request into the view. Gives the finish, or `null` when there was none. */
export async function stream(
  { runtime, endpoint, view }: Counter,
  request: Request,
  { call, onUnsent }: StreamOptions,
): Promise<TierFinish | null> {
  endpoint.takeUnsent();
  try {
    for await (const event of runtime.stream(request, { signal: call.signal })) {
      const unsent = onUnsent === undefined ? null : endpoint.takeUnsent();
      if (unsent !== null) {
        onUnsent?.(unsent);
        call.abort();
        return null;
      }
      view.event(event);
      if (event.type === 'finish') return event;
    }
  } catch (error) {
    // What did not leave by now may be a newer call's.
    const unsent = call.signal.aborted ? null : endpoint.takeUnsent();
    if (unsent !== null && onUnsent !== undefined) onUnsent(unsent);
    else if (unsent !== null) view.fail(NOBODY);
    else if (call.signal.aborted) view.fail('Stopped.');
    else view.fail(error instanceof Error ? error.message : String(error));
  }
  return null;
}

/** Takes the Stop button away, and not the focus with it. */
export function hideStop(stop: HTMLButtonElement, field: HTMLTextAreaElement): void {
  const hadFocus = document.activeElement === stop;
  stop.hidden = true;
  if (hadFocus) field.focus();
}
