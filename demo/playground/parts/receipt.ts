import type { TierFinish } from 'edgewise';

import { confidencePhrase, tierText } from './explain.ts';
import { duration } from './figures.ts';
import { make } from './page.ts';

const UNKNOWN = 'unknown';

/** Fills a `<dl>` with what one answer used. What nobody measured is called unknown. */
export function showReceipt(list: HTMLElement, finish: TierFinish): void {
  list.replaceChildren(...rows(finish).map(([name, value]) => row(name, value)));
  list.hidden = false;
}

function rows({ tier, confidence, receipt }: TierFinish): [string, string][] {
  return [
    ['Answered by', tierText(tier)],
    ['Model', receipt.modelId ?? UNKNOWN],
    ['Tokens', tokens(receipt)],
    ['Time', duration(receipt.durationMs)],
    ['Confidence', confidencePhrase(confidence)],
    ['Cost', receipt.costUsd === null ? UNKNOWN : `$${receipt.costUsd.toFixed(6)}`],
    ['Energy', interval(receipt.energyWh, 'Wh')],
    ['Carbon', interval(receipt.carbonGrams, 'g CO₂e')],
  ];
}

function tokens(receipt: TierFinish['receipt']): string {
  const { inputTokens, cachedTokens, outputTokens } = receipt;
  if (inputTokens === null && outputTokens === null) return UNKNOWN;
  const reused = cachedTokens === null || cachedTokens === 0 ? '' : ` (${cachedTokens} reused)`;
  return `${inputTokens ?? '?'} in${reused}, ${outputTokens ?? '?'} out`;
}

function interval(value: TierFinish['receipt']['energyWh'], unit: string): string {
  if (value === null) return UNKNOWN;
  return `${value.low.toPrecision(2)} to ${value.high.toPrecision(2)} ${unit}`;
}

function row(name: string, value: string): HTMLElement {
  const pair = document.createElement('div');
  pair.append(make('dt', name), make('dd', value, value === UNKNOWN ? 'unknown' : ''));
  return pair;
}
