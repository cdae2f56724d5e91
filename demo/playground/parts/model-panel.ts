import type { CatalogueEntry, DownloadProgress, ModelState, Runtime } from 'edgewise';

import { megabytes, timeLeft } from './figures.ts';
import { element } from './page.ts';

const READY = 'Ready on this device';

type ShownState = 'absent' | 'downloading' | 'loading' | 'ready' | 'error';

interface Panel {
  readonly runtime: Runtime;
  model: CatalogueEntry | null;
  state: ShownState;
  /** Ends the download under way; what was stored stays. */
  downloading: AbortController | null;
}

/** Asks before the download, shows it, and lets it pause; a stored model loads by itself. */
export function wireModelPanel(runtime: Runtime, modelId: string): void {
  const panel: Panel = { runtime, model: null, state: 'absent', downloading: null };
  element('download', HTMLButtonElement).addEventListener('click', () => {
    void (panel.model === null ? start(panel, modelId) : download(panel, panel.model));
  });
  element('pause', HTMLButtonElement).addEventListener('click', () => panel.downloading?.abort());
  element('remove-model', HTMLButtonElement).addEventListener('click', () => void remove(panel));
  runtime.addEventListener('fallback', ({ detail }) => {
    if (detail.kind === 'storage' && detail.code.startsWith('storage-')) showMemoryOnly();
  });
  runtime.addEventListener('model', ({ detail: { state } }) => followModel(panel, state));
  void start(panel, modelId);
}

/** A model that stops by itself (its worker died), and comes back with the next answer. */
function followModel(panel: Panel, state: ModelState): void {
  if (state.status === 'error' && panel.state === 'ready') {
    show(panel, 'error', 'The model stopped; the next answer starts it again');
  } else if (state.status === 'ready' && panel.state === 'error') {
    show(panel, 'ready', READY);
  }
}

function showMemoryOnly(): void {
  element('model-place', HTMLElement).textContent =
    'Memory only: this browser keeps nothing for us';
  element('download-note', HTMLElement).textContent = 'Needed again at each visit.';
}

async function start(panel: Panel, modelId: string): Promise<void> {
  element('model-error', HTMLElement).hidden = true;
  show(panel, 'absent', 'Looking for the model');
  try {
    const models = await panel.runtime.models.catalogue();
    const model = models.find(({ id }) => id === modelId);
    if (model === undefined) throw new Error(missingModelText(modelId, models));
    panel.model = model;
    describe(model);
    const availability = await panel.runtime.models.availability(model.id);
    // Where models cannot run at all, loading says why.
    if (availability === 'ready' || availability === 'unsupported') await load(panel, model.id);
    else offer(panel, availability === 'partial' ? 'Go on downloading' : 'Download');
  } catch (error) {
    fail(panel, error);
  }
}

function missingModelText(modelId: string, models: readonly CatalogueEntry[]): string {
  const known = models.map(({ id }) => id).join(', ') || 'none';
  return `This server has no model ${modelId} (it has: ${known}). Run \`npx --no-install edgewise pull\` there.`;
}

function describe(model: CatalogueEntry): void {
  element('model-facts', HTMLElement).hidden = false;
  element('download-note', HTMLElement).hidden = false;
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

async function download(panel: Panel, model: CatalogueEntry): Promise<void> {
  const { runtime } = panel;
  if (panel.downloading !== null) return;
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
    await load(panel, model.id);
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

async function load(panel: Panel, modelId: string): Promise<void> {
  element('pause', HTMLButtonElement).hidden = true;
  show(panel, 'loading', 'Loading the model');
  await panel.runtime.models.load(modelId);
  element('model-panel', HTMLElement).hidden = true;
  element('download-progress', HTMLElement).hidden = true;
  show(panel, 'ready', READY);
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
  // Nothing is known of a model that the server does not list.
  element('model-facts', HTMLElement).hidden = panel.model === null;
  element('download-note', HTMLElement).hidden = panel.model === null;
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
