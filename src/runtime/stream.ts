import { parseRequest } from '../cascade/request.ts';
import { UnsupportedError } from '../errors.ts';
import { createLoader } from '../tiers/load-code.ts';
import type { Request, Tier, TierEvent } from '../types.ts';
import type { EventBus } from './events.ts';
import type { RuntimeOptions } from './options.ts';
import type { OwnerPolicy } from './policy.ts';

export interface AnsweringOptions {
  readonly device: Tier;
  readonly options: RuntimeOptions;
  readonly policy: OwnerPolicy;
  readonly bus: Pick<EventBus, 'send'>;
}

export interface Answering {
  stream: Tier['generate'];
  /** Gets the code ready that an answer needs. Never rejects. */
  warmUp(): void;
}

/**
 * What the page's entry knows of answering: the cascade is loaded with the first answer. The stream
 * also ends with the runtime, and the bus is told of every decision.
 */
export function createAnsweringStream(options: AnsweringOptions, closing: AbortSignal): Answering {
  const open = createLoader('answers', async () => {
    const { createAnswering } = await import('./answering.ts');
    return createAnswering(options);
  });
  return {
    stream(value, { signal } = {}) {
      const request = parseRequest(value);
      if (!canCancel()) return refuseOldBrowser();
      const joined = joinSignals(closing, signal);
      return announce(answer(open, request, joined), request, options.bus);
    },
    // Whoever asks for an answer later is told why there is none.
    warmUp: () => void open().catch(() => undefined),
  };
}

/** Fires with either. Throws `UnsupportedError` in a browser too old for any of our ways to cancel. */
export function joinSignals(closing: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  if (!canCancel()) throw oldBrowser();
  return signal === undefined ? closing : AbortSignal.any([signal, closing]);
}

function canCancel(): boolean {
  return typeof AbortSignal.any === 'function';
}

// oxlint-disable-next-line require-yield -- it fails when it is read, as streams do
async function* refuseOldBrowser(): AsyncGenerator<TierEvent> {
  throw oldBrowser();
}

/** Cancelling needs it on every way, the one to the cloud too. */
function oldBrowser(): UnsupportedError {
  return new UnsupportedError(
    'feature-missing',
    'This browser is too old: it lacks AbortSignal.any. Update it (Chrome 116, Firefox 125, Safari 17.4 or later).',
  );
}

async function* answer(
  open: () => Promise<Tier>,
  request: Request,
  signal: AbortSignal,
): AsyncGenerator<TierEvent> {
  signal.throwIfAborted();
  const cascade = await open();
  yield* cascade.generate(request, { signal });
}

async function* announce(
  events: AsyncIterable<TierEvent>,
  request: Request,
  bus: Pick<EventBus, 'send'>,
): AsyncGenerator<TierEvent> {
  const { task, field, sessionId } = request;
  const origin = { task, field: field ?? null, sessionId: sessionId ?? null };
  for await (const event of events) {
    if (event.type === 'decision') {
      bus.send('decision', { decision: event.decision, ...origin });
    }
    yield event;
  }
}
