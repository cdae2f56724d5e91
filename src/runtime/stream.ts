import { UnsupportedError } from '../errors.ts';
import type { Request, Tier, TierEvent } from '../types.ts';
import type { EventBus } from './events.ts';

/** The cascade's stream, which also ends with the runtime and tells the bus of every decision. */
export function createStream(
  cascade: Tier,
  bus: Pick<EventBus, 'send'>,
  closing: AbortSignal,
): Tier['generate'] {
  return (request, { signal } = {}) => {
    if (typeof AbortSignal.any !== 'function') return refuseOldBrowser();
    return announce(
      cascade.generate(request, { signal: joinSignals(closing, signal) }),
      request,
      bus,
    );
  };
}

/** Fires with either. Throws `UnsupportedError` in a browser too old for any of our ways to cancel. */
export function joinSignals(closing: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  if (typeof AbortSignal.any !== 'function') throw oldBrowser();
  return signal === undefined ? closing : AbortSignal.any([signal, closing]);
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
