import type { CatalogueEntry, DownloadProgress } from 'edgewise';

import { megabytes, timeLeft } from './figures.ts';
import { element } from './page.ts';

/** Fills the card with what a model is, before anything of it is downloaded. */
export function describeModel(model: CatalogueEntry): void {
  showFacts(true);
  const licence = element('model-licence', HTMLAnchorElement);
  licence.textContent = model.licence.id;
  licence.href = model.licence.url;
  element('model-name', HTMLElement).textContent = `${model.name}, ${model.quantisation}`;
  element('model-size', HTMLElement).textContent = megabytes(model.sizeBytes);
  element('model-purpose', HTMLElement).textContent = model.description;
}

/** Nothing is known of a model that the server does not list. */
export function showFacts(isKnown: boolean): void {
  element('model-facts', HTMLElement).hidden = !isKnown;
  element('download-note', HTMLElement).hidden = !isKnown;
}

export function showProgress(progress: DownloadProgress): void {
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft, source } = progress;
  const rate = bytesPerSecond === null ? '' : `${megabytes(bytesPerSecond)}/s`;
  element('download-progress', HTMLElement).hidden = false;
  element('download-bar', HTMLProgressElement).value = (100 * doneBytes) / totalBytes;
  element('download-bytes', HTMLElement).textContent =
    `${megabytes(doneBytes)} of ${megabytes(totalBytes)}`;
  element('download-rate', HTMLElement).textContent = rate;
  element('download-left', HTMLElement).textContent =
    secondsLeft === null ? '' : timeLeft(secondsLeft);
  element('download-source', HTMLElement).textContent =
    `from ${source === location.host ? 'this site' : source}`;
}

/** What was stored is shown still, the rest stands. */
export function showPause(): void {
  element('download-rate', HTMLElement).textContent = 'paused';
  element('download-left', HTMLElement).textContent = '';
}

/** Part of the model is here from an earlier visit; how much is known once it goes on. */
export function showKeptPart(): void {
  element('download-note', HTMLElement).textContent =
    'Part of it is here already; only the rest is downloaded.';
}

export function showMemoryOnly(): void {
  element('model-place', HTMLElement).textContent =
    'Memory only: this browser keeps nothing for us';
  element('download-note', HTMLElement).textContent = 'Needed again at each visit.';
}
