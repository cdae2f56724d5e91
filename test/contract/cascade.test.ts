import { createCascade } from '../../src/cascade/cascade.ts';
import { NetworkError } from '../../src/errors.ts';
import { startReceipt } from '../../src/tiers/receipt.ts';
import type { Mode, Request } from '../../src/types.ts';
import { createScriptedTier, type ScriptStep } from '../helpers/scripted-tier.ts';
import { describeTier } from './tier.contract.ts';

const request = (task: string, text: string): Request => ({ task, input: { kind: 'text', text } });
const words = (probability: number): readonly ScriptStep[] =>
  ['one ', 'two ', 'three ', 'four'].map((text) => ({ text, probability }));

function answer({ input }: Request): readonly ScriptStep[] {
  const text = input.kind === 'text' ? input.text : '';
  if (text === 'fail') return [{ fail: new NetworkError('offline', 'Nothing answers.') }];
  return text === 'endless' ? [...words(0.9), { wait: true }] : words(0.9);
}

const device = () => createScriptedTier({ id: 'device', place: 'device', steps: answer });
const frontier = () => createScriptedTier({ id: 'frontier', place: 'remote', steps: answer });
const parts = {
  mode: (): Mode => 'prefer-on-device',
  startReceipt,
};

describeTier('A cascade whose device answers', async () => ({
  tier: createCascade({ ...parts, tiers: [device(), frontier()], holdBackTokens: 2 }),
  request: request('rewrite', 'count'),
  endlessRequest: request('rewrite', 'endless'),
  failingRequest: request('rewrite', 'fail'),
}));

describeTier('A cascade that goes above', async () => ({
  tier: createCascade({ ...parts, tiers: [device(), frontier()] }),
  request: request('ask', 'count'),
  endlessRequest: request('ask', 'endless'),
  failingRequest: request('ask', 'fail'),
}));
