import { createDeviceTier } from '../../src/tiers/device.ts';
import { connect } from '../../src/worker/connect.ts';
import { LONG_TEXT, MODEL_ID } from './host.contract.ts';
import { describeTier } from './tier.contract.ts';

describeTier('the device', async () => {
  const baseUrl = new URL('../helpers/fixture-models/', import.meta.url);
  const connection = connect({ baseUrl, inProcess: true });
  const input = { kind: 'prefix', before: LONG_TEXT } as const;
  return {
    tier: createDeviceTier({ connection, modelId: MODEL_ID }),
    request: { task: 'rewrite', input, maxTokens: 12 },
    endlessRequest: { task: 'rewrite', input, maxTokens: 400 },
    failingRequest: { task: 'ask', input: { kind: 'text', text: 'far too long '.repeat(600) } },
    close: connection.close,
  };
});
