import type { SortedText } from 'edgewise';

import type { EndpointState } from './endpoint.ts';
import { tierText } from './explain.ts';
import { confidenceText, duration, sureness } from './figures.ts';
import { make } from './page.ts';
import { triageReason } from './triage-text.ts';

/** Where a sorted message shows. */
export interface Verdict {
  begin(): void;
  show(sorted: SortedText): void;
  fail(error: Error): void;
  clear(): void;
  /** What the server failed with in the call that is running. */
  explainFallback(error: Error | null): void;
}

/** Other topics shown beside the chosen one. */
const RUNNERS_UP = 2;
const LEAST_SHOWN = 0.01;

export function createVerdict(box: HTMLElement, endpointState: () => EndpointState): Verdict {
  let serverError: Error | null = null;
  const set = (state: string, sorted: SortedText | null): void => {
    Object.assign(box.dataset, {
      state,
      tier: sorted?.tier ?? '',
      label: sorted?.label ?? '',
      confidence: confidenceText(sorted?.decision.confidence ?? null),
      reason: sorted?.decision.reason ?? '',
    });
  };
  return {
    begin() {
      serverError = null;
      set('sorting', null);
    },
    show(sorted) {
      const reason = triageReason(sorted, endpointState(), serverError);
      box.replaceChildren(
        make('p', headline(sorted), 'topic'),
        make('p', reason, 'route'),
        make('p', facts(sorted), 'soft figures'),
      );
      set('done', sorted);
    },
    fail(error) {
      box.replaceChildren(make('p', error.message, 'problem'));
      set('error', null);
    },
    clear() {
      box.replaceChildren();
      set('idle', null);
    },
    explainFallback: (error) => (serverError = error),
  };
}

/** What nobody was sure of is not shown as if somebody were. */
function headline({ label, tier, decision }: SortedText): string {
  const name = topicName(label);
  return tier === 'student' && decision.reason !== 'confident' ? `Perhaps: ${name}` : name;
}

/** `card_arrival` as people write it. */
function topicName(label: string): string {
  const words = label.replaceAll('_', ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function facts(sorted: SortedText): string {
  const { tier, receipt, probabilities } = sorted;
  const took = receipt.durationMs < 1 ? 'under 1 ms' : duration(receipt.durationMs);
  const others = Object.entries(probabilities ?? {})
    .filter(([label]) => label !== sorted.label)
    .filter(([, share]) => share >= LEAST_SHOWN)
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, RUNNERS_UP)
    .map(([label, share]) => `${topicName(label)} ${sureness(share)}`);
  const next = others.length === 0 ? '' : `. Next: ${others.join(', ')}`;
  return `${tier === 'student' ? 'This device' : tierText(tier)}, ${took}${next}`;
}
