import type { TierFinish } from 'edgewise';

import { confidencePhrase, tierText } from './explain.ts';
import { duration } from './figures.ts';
import { make } from './page.ts';

/** Fills a `<dl>` with what one answer used. What nobody measured is named as unknown. */
export function showReceipt(list: HTMLElement, finish: TierFinish): void {
  list.replaceChildren(...rows(finish).map(([name, value]) => row(name, value)));
  list.hidden = false;
}

function rows({ tier, confidence, receipt }: TierFinish): [string, string][] {
  const all: [string, string | null][] = [
    ['Answered by', tierText(tier)],
    ['Model', receipt.modelId],
    ['Tokens', tokens(receipt)],
    ['Time', duration(receipt.durationMs)],
    [
      'Confidence',
      confidence.value === null ? null : `${confidencePhrase(confidence)}, for the whole answer`,
    ],
    ['Cost', receipt.costUsd === null ? null : `$${receipt.costUsd.toFixed(6)}`],
    ['Energy', interval(receipt.energyWh, 'Wh')],
    ['Carbon', interval(receipt.carbonGrams, 'g CO₂e')],
  ];
  const known = all.filter((entry): entry is [string, string] => entry[1] !== null);
  const missing = all.filter(([, value]) => value === null).map(([name]) => name.toLowerCase());
  return missing.length === 0 ? known : [...known, ['Unknown', missing.join(', ')]];
}

function tokens(receipt: TierFinish['receipt']): string | null {
  const { inputTokens, cachedTokens, outputTokens } = receipt;
  if (inputTokens === null && outputTokens === null) return null;
  const reused = cachedTokens === null || cachedTokens === 0 ? '' : ` (${cachedTokens} reused)`;
  const read = inputTokens === null ? '' : `${inputTokens} in${reused}, `;
  return outputTokens === null ? `${inputTokens} in${reused}` : `${read}${outputTokens} out`;
}

function interval(value: TierFinish['receipt']['energyWh'], unit: string): string | null {
  if (value === null) return null;
  return `${value.low.toPrecision(2)} to ${value.high.toPrecision(2)} ${unit}`;
}

function row(name: string, value: string): HTMLElement {
  const pair = document.createElement('div');
  pair.append(make('dt', name), make('dd', value));
  return pair;
}
