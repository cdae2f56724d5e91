import { Hono } from 'hono';
import type { Context } from 'hono';
import { cors } from 'hono/cors';

import { createCalls } from './calls.ts';
import type { Calls } from './calls.ts';
import { createChatHandler } from './chat-route.ts';
import type { RelayEnvironment } from './chat-route.ts';
import { aliasesOf, parseRelayConfig } from './config.ts';
import type { RelayConfig, UpstreamConfig } from './config.ts';
import { refuseForeign, refuseProviderKeys } from './page-guard.ts';
import { RelayError, toErrorResponse, toRelayError } from './relay-error.ts';
import { logRequests } from './request-log.ts';
import type { RelayLogEntry } from './request-log.ts';
import { createLocalUpstream } from './upstreams/local.ts';
import type { StartLocalThread } from './upstreams/local-thread.ts';
import { createOpenAiUpstream } from './upstreams/openai.ts';
import type { Upstream } from './upstreams/upstream.ts';

export interface RelayOptions {
  /** Where keys are looked up. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Called once per request, when its answer has ended. Default: nothing is logged. */
  readonly log?: (entry: RelayLogEntry) => void;
  /** How the thread of a `local` upstream is started. Default: the one in this package. */
  readonly startLocalThread?: StartLocalThread;
}

export interface Relay {
  /** Answers requests under `basePath`. Failures are answers too: it does not throw. */
  fetch(request: Request): Promise<Response>;
  /** Ends running calls and local engines. Later requests get 503. */
  close(): Promise<void>;
}

const DEFAULT_BASE_PATH = '/edge';
const DEFAULT_BODY_LIMIT_BYTES = 1_048_576;
/** How long a browser may remember a preflight: short, so that a withdrawn origin ends soon. */
const PREFLIGHT_SECONDS = 600;

/**
 * The server between a page and the models its owner pays for. It holds the keys, so that the page
 * needs none, and speaks OpenAI's chat completions on both sides.
 * @throws TypeError that names each wrong field of the configuration
 * @example
 * const relay = createRelay(await loadRelayConfig({ file: 'relay.json' }));
 * serve({ fetch: relay.fetch, port: 8787, hostname: '127.0.0.1' });
 */
export function createRelay(config: RelayConfig, options: RelayOptions = {}): Relay {
  const checked = parseRelayConfig(config);
  const upstreams = checked.upstreams.map((entry) => createUpstream(entry, options));
  const calls = createCalls();
  const byAlias = indexByAlias(checked.upstreams, upstreams);
  const app = createApp(checked, { byAlias, calls, log: options.log ?? null });
  return {
    fetch: async (request) => app.fetch(request),
    async close() {
      calls.close();
      await Promise.all(upstreams.map((upstream) => upstream.close()));
    },
  };
}

function createUpstream(config: UpstreamConfig, options: RelayOptions): Upstream {
  if (config.kind === 'local') return createLocalUpstream(config, options.startLocalThread);
  return createOpenAiUpstream(config, {
    env: options.env ?? process.env,
    fetch: options.fetch ?? fetch,
  });
}

/** `upstreams` is in the order of `entries`. */
function indexByAlias(
  entries: readonly UpstreamConfig[],
  upstreams: readonly Upstream[],
): ReadonlyMap<string, Upstream> {
  const pairs = upstreams.flatMap((upstream, index) => {
    const entry = entries[index];
    return entry ? aliasesOf(entry).map((alias) => [alias, upstream] as const) : [];
  });
  return new Map(pairs);
}

type RelayApp = Hono<RelayEnvironment, Record<string, never>, string>;

interface AppParts {
  readonly byAlias: ReadonlyMap<string, Upstream>;
  readonly calls: Calls;
  readonly log: ((entry: RelayLogEntry) => void) | null;
}

function createApp(config: RelayConfig, { byAlias, calls, log }: AppParts): RelayApp {
  const basePath = config.basePath ?? DEFAULT_BASE_PATH;
  const app = new Hono<RelayEnvironment>().basePath(basePath);
  if (log) app.use(logRequests(basePath, log));
  addGuards(app, config);
  app.get('/healthz', () => Response.json({ status: 'ok' }));
  app.all('/healthz', (context) => refuseMethod(context, 'GET'));
  const createdSeconds = Math.floor(Date.now() / 1000);
  app.get('/v1/models', () => Response.json(listModels(byAlias, createdSeconds)));
  app.all('/v1/models', (context) => refuseMethod(context, 'GET'));
  const bodyLimitBytes = config.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES;
  app.post('/v1/chat/completions', createChatHandler({ byAlias, calls, bodyLimitBytes }));
  app.all('/v1/chat/completions', (context) => refuseMethod(context, 'POST'));
  app.notFound((context) => answerError(context, routeNotFound(basePath)));
  app.onError((thrown, context) => answerError(context, thrown));
  return app;
}

// Foreign origins are refused before CORS answers their preflight; keys after it, so that the page
// of an allowed origin can read why.
function addGuards(app: RelayApp, { allowedOrigins = [], allowedHosts }: RelayConfig): void {
  app.use(async (context, next) => {
    refuseForeign(context.req.raw, { allowedOrigins, allowedHosts: allowedHosts ?? null });
    await next();
  });
  app.use(
    cors({
      origin: (origin) => (allowedOrigins.includes(origin) ? origin : null),
      allowMethods: ['GET', 'POST'],
      exposeHeaders: ['x-edgewise-upstream', 'x-edgewise-dropped', 'retry-after'],
      maxAge: PREFLIGHT_SECONDS,
    }),
  );
  app.use(async (context, next) => {
    refuseProviderKeys(context.req.raw);
    await next();
  });
}

function listModels(
  byAlias: ReadonlyMap<string, Upstream>,
  createdSeconds: number,
): { readonly object: 'list'; readonly data: readonly unknown[] } {
  const data = [...byAlias].map(([alias, { kind }]) => ({
    id: alias,
    object: 'model',
    created: createdSeconds,
    owned_by: 'edgewise',
    edgewise: { kind },
  }));
  return { object: 'list', data };
}

function refuseMethod(context: Context<RelayEnvironment>, allowed: 'GET' | 'POST'): Response {
  const error = new RelayError('method-not-allowed', `This route takes ${allowed} only.`, {
    status: 405,
    type: 'invalid_request_error',
  });
  const response = answerError(context, error);
  response.headers.set('allow', allowed);
  return response;
}

function answerError(context: Context<RelayEnvironment>, thrown: unknown): Response {
  const error = toRelayError(thrown);
  context.set('error', error);
  return toErrorResponse(error);
}

function routeNotFound(basePath: string): RelayError {
  const message = `No such route. There are POST ${basePath}/v1/chat/completions, GET ${basePath}/v1/models and GET ${basePath}/healthz.`;
  return new RelayError('route-not-found', message, {
    status: 404,
    type: 'invalid_request_error',
  });
}
