import type { CatalogueEntry, DownloadProgress, Runtime } from 'edgewise';

import { megabytes, timeLeft } from './figures.ts';
import { element } from './page.ts';

type ShownState = 'absent' | 'downloading' | 'loading' | 'ready' | 'error';

/** What the rest of the page needs to know of the model. */
export interface ModelPanel {
  readonly isReady: boolean;
}

interface Panel {
  readonly runtime: Runtime;
  model: CatalogueEntry | null;
  state: ShownState;
  /** Ends the download under way; what was stored stays. */
  downloading: AbortController | null;
}

/** Asks before the download, shows it, and lets it pause; a stored model loads by itself. */
export function wireModelPanel(runtime: Runtime): ModelPanel {
  const panel: Panel = { runtime, model: null, state: 'absent', downloading: null };
  element('download', HTMLButtonElement).addEventListener('click', () => void download(panel));
  element('pause', HTMLButtonElement).addEventListener('click', () => panel.downloading?.abort());
  element('remove-model', HTMLButtonElement).addEventListener('click', () => void remove(panel));
  void start(panel);
  return {
    get isReady() {
      return panel.state === 'ready';
    },
  };
}

async function start(panel: Panel): Promise<void> {
  show(panel, 'absent', 'Looking for the model');
  try {
    const [model] = await panel.runtime.models.catalogue();
    if (model === undefined) throw new Error('This server offers no model. Run `edgewise pull`.');
    panel.model = model;
    describe(model);
    const availability = await panel.runtime.models.availability(model.id);
    if (availability === 'ready') await load(panel);
    else offer(panel, availability === 'partial' ? 'Go on downloading' : 'Download');
  } catch (error) {
    fail(panel, error);
  }
}

function describe(model: CatalogueEntry): void {
  const licence = element('model-licence', HTMLAnchorElement);
  licence.textContent = model.licence.id;
  licence.href = model.licence.url;
  element('model-name', HTMLElement).textContent = `${model.name}, ${model.quantisation}`;
  element('model-size', HTMLElement).textContent = megabytes(model.sizeBytes);
  element('model-purpose', HTMLElement).textContent = model.description;
}

function offer(panel: Panel, label: string): void {
  const button = element('download', HTMLButtonElement);
  button.textContent = label;
  button.hidden = false;
  element('pause', HTMLButtonElement).hidden = true;
  element('model-panel', HTMLElement).hidden = false;
  show(panel, 'absent', label === 'Download' ? 'No model yet' : 'Model not complete');
}

async function download(panel: Panel): Promise<void> {
  const { runtime, model } = panel;
  if (model === null || panel.downloading !== null) return;
  const downloading = new AbortController();
  panel.downloading = downloading;
  const pause = element('pause', HTMLButtonElement);
  const button = element('download', HTMLButtonElement);
  const hadFocus = document.activeElement === button;
  pause.hidden = false;
  button.hidden = true;
  if (hadFocus) pause.focus();
  element('model-error', HTMLElement).hidden = true;
  element('download-progress', HTMLElement).hidden = false;
  show(panel, 'downloading', 'Downloading');
  try {
    const { signal } = downloading;
    await runtime.models.download(model.id, {
      signal,
      onProgress: (progress) => showProgress(progress),
    });
    await load(panel);
  } catch (error) {
    if (downloading.signal.aborted) paused(panel);
    else fail(panel, error);
  } finally {
    panel.downloading = null;
  }
}

function paused(panel: Panel): void {
  offer(panel, 'Resume');
  element('download-rate', HTMLElement).textContent = 'paused';
  element('download-left', HTMLElement).textContent = '';
  show(panel, 'absent', 'Download paused');
  element('download', HTMLButtonElement).focus();
}

function showProgress(progress: DownloadProgress): void {
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft, source } = progress;
  const percent = (100 * doneBytes) / totalBytes;
  const rate = bytesPerSecond === null ? '' : `${megabytes(bytesPerSecond)}/s`;
  element('download-bar', HTMLProgressElement).value = percent;
  element('download-bytes', HTMLElement).textContent =
    `${megabytes(doneBytes)} of ${megabytes(totalBytes)}`;
  element('download-rate', HTMLElement).textContent = rate;
  element('download-left', HTMLElement).textContent =
    secondsLeft === null ? '' : timeLeft(secondsLeft);
  element('download-source', HTMLElement).textContent = `from ${source}`;
}

async function load(panel: Panel): Promise<void> {
  const { runtime, model } = panel;
  if (model === null) return;
  show(panel, 'loading', 'Loading the model');
  await runtime.models.load(model.id);
  element('model-panel', HTMLElement).hidden = true;
  element('download-progress', HTMLElement).hidden = true;
  show(panel, 'ready', 'Ready on this device');
}

async function remove(panel: Panel): Promise<void> {
  const { runtime, model } = panel;
  if (model === null) return;
  try {
    await runtime.models.unload();
    await runtime.models.remove(model.id);
    offer(panel, 'Download');
  } catch (error) {
    fail(panel, error);
  }
}

function fail(panel: Panel, error: unknown): void {
  const problem = element('model-error', HTMLElement);
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
  offer(panel, 'Try again');
  show(panel, 'error', 'The model is not available');
}

function show(panel: Panel, state: ShownState, text: string): void {
  panel.state = state;
  const status = element('status', HTMLElement);
  status.dataset['modelState'] = state;
  element('status-text', HTMLElement).textContent = text;
  element('remove-model', HTMLButtonElement).hidden = state !== 'ready';
}
