import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';

import { createRelay } from './app.ts';
import type { RelayOptions } from './app.ts';
import type { RelayConfig } from './config.ts';

export interface ServeRelayOptions extends RelayOptions {
  /** 0 = any free port. */
  readonly port: number;
  readonly host: string;
}

export interface RunningRelay {
  /** Address of the routes, base path included. */
  readonly url: string;
  /** Ends running answers, engines and connections. */
  close(): Promise<void>;
}

/** Serves a relay over HTTP. Rejects with Node's error when the port cannot be had. */
export async function serveRelay(
  config: RelayConfig,
  { port, host, ...options }: ServeRelayOptions,
): Promise<RunningRelay> {
  const relay = createRelay(withLoopbackHosts(config, host), options);
  const server = serve({ fetch: relay.fetch, port, hostname: host });
  try {
    await once(server, 'listening');
  } catch (error) {
    await relay.close();
    throw error;
  }
  return {
    url: `http://${urlHost(host)}:${(server.address() as AddressInfo).port}${config.basePath ?? '/edge'}`,
    async close() {
      const isClosed = once(server, 'close');
      server.close();
      await relay.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await isClosed;
    },
  };
}

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/**
 * On loopback only loopback names count, and those the owner named: any other name that leads here
 * was pointed here by a stranger's DNS.
 */
function withLoopbackHosts(config: RelayConfig, host: string): RelayConfig {
  const isLoopback = LOOPBACK_HOSTS.includes(urlHost(host));
  if (!isLoopback || config.allowedHosts) return config;
  const named = (config.allowedOrigins ?? []).map((origin) => new URL(origin).hostname);
  return { ...config, allowedHosts: [...LOOPBACK_HOSTS, ...named] };
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
