import type { Runtime } from 'edgewise';
import { attach, type SuggestionSource } from 'edgewise/autocomplete';

import { confidencePhrase, tierText } from './explain.ts';
import { duration } from './figures.ts';
import { element } from './page.ts';

/** Ghost text in the letter: the same source and attachment any app would use. */
export function wireWrite(runtime: Runtime): void {
  const compose = element('compose', HTMLTextAreaElement);
  const take = element('take', HTMLButtonElement);
  const note = element('write-note', HTMLElement);
  let origin = '';
  const attachment = attach(compose, {
    source: measured(runtime.complete, (text) => {
      origin = text;
    }),
    fieldId: 'compose',
    onGhost(event) {
      // Where there is no Tab key, a tap takes the ghost.
      take.hidden = event.type !== 'shown';
      note.textContent = event.type === 'shown' ? origin : '';
    },
    onError(error) {
      note.textContent = error instanceof Error ? error.message : String(error);
    },
  });
  // The press must not take the focus away: a field without it has no ghost.
  take.addEventListener('pointerdown', (event) => event.preventDefault());
  take.addEventListener('click', () => attachment.accept());
}

/** Tells where each ghost came from and how long it took. A model that is not ready gives none: typing downloads nothing. */
function measured(source: SuggestionSource, say: (text: string) => void): SuggestionSource {
  return {
    ...source,
    async suggest(request) {
      const startMs = performance.now();
      const suggestion = await source.suggest(request);
      if (suggestion === null) return null;
      const took = duration(performance.now() - startMs);
      const sure = confidencePhrase(suggestion.confidence);
      say(`${tierText(suggestion.tier)}, ${took}, confidence ${sure}`);
      return suggestion;
    },
  };
}
