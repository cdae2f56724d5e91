import { importPeers } from './require-peer.ts';

export type { Relay, RelayOptions } from './app.ts';
export type {
  LoadRelayConfigOptions,
  LocalUpstreamConfig,
  OpenAiUpstreamConfig,
  RelayConfig,
  UpstreamConfig,
  UpstreamTimeouts,
} from './config.ts';
export type { RelayLogEntry } from './request-log.ts';

// hono and valibot are optional peers. Static imports would fail before any of our code runs, with
// Node's own words; this way the error says what to install. The price: CommonJS takes `import()`.
const app = await importPeers(() => import('./app.ts'), 'edgewise/relay');
const config = await importPeers(() => import('./config.ts'), 'edgewise/relay');

/**
 * The server between a page and the models its owner pays for: `fetch` answers requests, `close`
 * ends it. Throws `TypeError` that names each wrong field of the configuration.
 */
export const createRelay: typeof import('./app.ts').createRelay = app.createRelay;

/**
 * Reads the configuration from a JSON file or the environment. Throws `TypeError` that names each
 * wrong field.
 */
export const loadRelayConfig: typeof import('./config.ts').loadRelayConfig = config.loadRelayConfig;
