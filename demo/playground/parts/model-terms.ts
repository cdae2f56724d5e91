import type { Licence } from 'edgewise';

import { element } from './page.ts';

/**
 * Shows the terms of a model that has such beside the button they hold back: `button` waits until the
 * person accepted them. Other models have no such step.
 */
export function showTerms(licence: Licence, button: HTMLButtonElement): void {
  const isNeeded = licence.requiresAcceptance === true;
  element('model-terms', HTMLElement).hidden = !isNeeded;
  element('model-notice', HTMLElement).textContent = licence.notice ?? '';
  element('model-terms-link', HTMLAnchorElement).href = licence.url;
  const box = element('accept-licence', HTMLInputElement);
  const follow = (): void => {
    button.disabled = isNeeded && !box.checked;
  };
  box.onchange = follow;
  follow();
}

/** Whether the person accepted the terms shown. */
export function areTermsAccepted(): boolean {
  return element('accept-licence', HTMLInputElement).checked;
}
