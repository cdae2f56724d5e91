import type { Context, MiddlewareHandler } from 'hono';

import type { RelayEnvironment } from './chat-route.ts';
import { faultPlace } from './relay-error.ts';
import type { RelayError } from './relay-error.ts';

/** One line of the relay's log. Holds no prompt, no answer, no key, no address. */
export interface RelayLogEntry {
  readonly method: string;
  /** One of the relay's routes, or `other`: an unknown path could hold anything. */
  readonly route: '/v1/chat/completions' | '/v1/models' | '/healthz' | 'other';
  /** HTTP status. A stream that broke later has 200 too: `outcome` tells. */
  readonly status: number;
  /** `left` = the client went away first. */
  readonly outcome: 'complete' | 'cut' | 'left';
  readonly errorCode: string | null;
  /** Name and stack, without message, of an error nobody expected. */
  readonly faultPlace: string | null;
  /** Id of the upstream that was asked. */
  readonly upstream: string | null;
  readonly durationMs: number;
}

/** Calls `log` once per request, when its answer has ended. */
export function logRequests(
  basePath: string,
  log: (entry: RelayLogEntry) => void,
): MiddlewareHandler<RelayEnvironment> {
  return async (context, next) => {
    const startedMs = performance.now();
    await next();
    const finish = (ending: Ending): void => {
      log({
        ...describe(context, basePath),
        ...ending,
        durationMs: Math.round(performance.now() - startedMs),
      });
    };
    const { streamEnd, error } = context.var;
    if (!streamEnd) return finish(wholeEnding(context.res.status, error ?? null));
    void streamEnd.then((end) => finish({ outcome: end.status, ...describeError(end.error) }));
  };
}

type ErrorFields = Pick<RelayLogEntry, 'errorCode' | 'faultPlace'>;
type Ending = ErrorFields & Pick<RelayLogEntry, 'outcome'>;

const ROUTES: readonly RelayLogEntry['route'][] = [
  '/v1/chat/completions',
  '/v1/models',
  '/healthz',
];

function describe(
  context: Context<RelayEnvironment>,
  basePath: string,
): Pick<RelayLogEntry, 'method' | 'route' | 'status' | 'upstream'> {
  const route = ROUTES.find((known) => context.req.path === basePath + known) ?? 'other';
  const { method } = context.req;
  return { method, route, status: context.res.status, upstream: context.var.upstreamId ?? null };
}

function wholeEnding(status: number, error: RelayError | null): Ending {
  return { outcome: status === 499 ? 'left' : 'complete', ...describeError(error) };
}

function describeError(error: RelayError | null): ErrorFields {
  return { errorCode: error?.code ?? null, faultPlace: error && faultPlace(error) };
}
