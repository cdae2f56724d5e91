import { createRemoteTier } from '../../src/tiers/remote.ts';
import type { Request } from '../../src/types.ts';
import {
  chunkOf,
  eventOf,
  openStream,
  startScriptedServer,
  streamOf,
} from '../helpers/scripted-server.ts';
import { describeTier } from './tier.contract.ts';

const ask = (text: string): Request => ({ task: 'ask', input: { kind: 'text', text } });

describeTier('A remote endpoint', async () => {
  const server = await startScriptedServer();
  server.play((response, { body }) => {
    if (body.includes('fail')) {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    openStream(response);
    if (body.includes('endless')) response.write(eventOf(chunkOf('never ')));
    else response.end(streamOf(['one ', 'two ', 'three']));
  });
  return {
    tier: createRemoteTier({ id: 'frontier', baseUrl: `${server.origin}/edge/v1` }),
    request: ask('count'),
    endlessRequest: ask('endless'),
    failingRequest: ask('fail'),
    close: () => server.close(),
  };
});
