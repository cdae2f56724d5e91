import { afterAll, beforeAll } from 'vitest';

import type { EdgewiseError } from '../../../src/errors.ts';
import { createRemoteTier, type RemoteTierOptions } from '../../../src/tiers/remote.ts';
import type { Request, Tier, TierEvent } from '../../../src/types.ts';
import { collectInto } from '../../contract/tier.contract.ts';
import {
  eventOf,
  openStream,
  startScriptedServer,
  type ScriptedServer,
} from '../../helpers/scripted-server.ts';

export const SECRET = 'my secret diagnosis';
export const request: Request = { task: 'ask', input: { kind: 'text', text: SECRET } };

export interface RemoteFixture {
  readonly server: ScriptedServer;
  openTier(options?: Partial<RemoteTierOptions>): Tier;
  playEvents(...data: readonly string[]): void;
}

/** A scripted server for the tests of one file. */
export function useScriptedServer(): RemoteFixture {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await startScriptedServer();
  });
  afterAll(async () => {
    await server.close();
  });
  return {
    get server() {
      return server;
    },
    openTier: (options = {}) =>
      createRemoteTier({ id: 'frontier', baseUrl: `${server.origin}/edge/v1`, ...options }),
    playEvents(...data) {
      server.play((response) => {
        openStream(response);
        response.end(data.map((each) => eventOf(each)).join(''));
      });
    },
  };
}

export async function failureOf(tier: Tier, events: TierEvent[] = []): Promise<unknown> {
  return await collectInto(events, { tier, request }).catch((error: unknown) => error);
}

/** Everything an error says, with its causes. */
export function describeDeeply(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const details = JSON.stringify((error as EdgewiseError).details ?? null);
  return `${error.message} ${details} ${describeDeeply(error.cause)}`;
}
