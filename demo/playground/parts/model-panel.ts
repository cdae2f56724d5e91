import type { CatalogueEntry, ModelState, Runtime } from 'edgewise';

import {
  describeModel,
  showFacts,
  showKeptPart,
  showMemoryOnly,
  showPause,
  showProgress,
} from './model-card.ts';
import { areTermsAccepted, showTerms } from './model-terms.ts';
import { element } from './page.ts';
import { askToKeep, tellWhetherKept } from './storage-note.ts';

const READY = 'Ready on this device';
const RESUME = 'Resume';

type ShownState = 'absent' | 'downloading' | 'loading' | 'ready' | 'error';

interface Panel {
  readonly runtime: Runtime;
  readonly modelId: string;
  /** `null` until the server's list of models was read. */
  model: CatalogueEntry | null;
  /** The panel itself is at work: what the model does meanwhile is no news. */
  isBusy: boolean;
  /** Ends the download under way; what was stored stays. */
  downloading: AbortController | null;
}

/** Asks before the download, shows it, and lets it pause; a stored model loads by itself. */
export function wireModelPanel(runtime: Runtime, modelId: string): void {
  const panel: Panel = { runtime, modelId, model: null, isBusy: false, downloading: null };
  element('download', HTMLButtonElement).addEventListener('click', () => {
    void work(panel, panel.model === null ? start : download);
  });
  element('pause', HTMLButtonElement).addEventListener('click', () => panel.downloading?.abort());
  wireRemoval(panel);
  runtime.addEventListener('fallback', ({ detail }) => {
    if (detail.kind === 'storage' && detail.code.startsWith('storage-')) showMemoryOnly();
  });
  runtime.addEventListener('model', ({ detail }) => {
    if (detail.modelId === modelId && !panel.isBusy) follow(panel, detail.state);
  });
  void work(panel, start);
}

/** Runs one thing at a time; a failure shows on the card. */
async function work(panel: Panel, task: (panel: Panel) => Promise<void>): Promise<void> {
  if (panel.isBusy) return;
  panel.isBusy = true;
  element('model-error', HTMLElement).hidden = true;
  try {
    await task(panel);
  } catch (error) {
    fail(panel, error);
  } finally {
    panel.isBusy = false;
  }
}

/** A model also moves by itself: its worker dies, an answer loads it again, a script removes it. */
function follow(panel: Panel, state: ModelState): void {
  switch (state.status) {
    case 'downloading':
      showProgress(state.progress);
      show('downloading', 'Downloading');
      break;
    case 'loading':
      show('loading', 'Loading the model');
      break;
    case 'ready':
      showReady();
      break;
    case 'stored':
      showStored();
      break;
    case 'absent':
      // Late news of a download that was paused: the card offers to go on already.
      if (!isOffering()) void work(panel, lookAgain);
      break;
    case 'error':
      show('error', 'The model stopped; the next answer starts it again');
  }
}

async function start(panel: Panel): Promise<void> {
  show('absent', 'Looking for the model');
  // What is here already must not wait for the server's list, or fail with it.
  if (await isHere(panel)) await load(panel);
  else await offerDownload(panel);
}

/** As `start`, for a model that was here and is not loaded any more: nobody asked to load it again. */
async function lookAgain(panel: Panel): Promise<void> {
  if (await isHere(panel)) showStored();
  else await offerDownload(panel);
}

async function isHere({ runtime, modelId }: Panel): Promise<boolean> {
  try {
    const availability = await runtime.models.availability(modelId);
    // Where models cannot run at all, loading says why.
    return availability === 'ready' || availability === 'unsupported';
  } catch {
    return false; // Asking the server for its list tells what is wrong.
  }
}

async function offerDownload(panel: Panel): Promise<void> {
  const { runtime, modelId } = panel;
  const models = await runtime.models.catalogue();
  const model = models.find(({ id }) => id === modelId);
  if (model === undefined) throw new Error(missingModelText(modelId, models));
  panel.model = model;
  describeModel(model);
  showTerms(model.licence, element('download', HTMLButtonElement));
  const isPartial = (await runtime.models.availability(modelId)) === 'partial';
  if (isPartial) showKeptPart();
  offer(isPartial ? RESUME : 'Download');
  show('absent', isPartial ? 'Download not finished' : 'No model yet');
}

function missingModelText(modelId: string, models: readonly CatalogueEntry[]): string {
  const known = models.map(({ id }) => id).join(', ') || 'none';
  return `This server has no model ${modelId} (it has: ${known}). Run \`npx --no-install edgewise pull\` there.`;
}

async function download(panel: Panel): Promise<void> {
  const downloading = new AbortController();
  const { signal } = downloading;
  panel.downloading = downloading;
  const pause = element('pause', HTMLButtonElement);
  const button = element('download', HTMLButtonElement);
  const hadFocus = document.activeElement === button;
  pause.hidden = false;
  button.hidden = true;
  if (hadFocus) pause.focus();
  element('download-progress', HTMLElement).hidden = false;
  show('downloading', 'Downloading');
  // Firefox asks the person and answers late: the download does not wait for it.
  void askToKeep();
  try {
    await panel.runtime.models.download(panel.modelId, {
      signal,
      onProgress: showProgress,
      acceptLicence: areTermsAccepted(),
    });
    await load(panel);
  } catch (error) {
    if (!signal.aborted) throw error;
    showPause();
    offer(RESUME);
    show('absent', 'Download paused');
    button.focus();
  } finally {
    panel.downloading = null;
  }
}

async function load({ runtime, modelId }: Panel): Promise<void> {
  element('pause', HTMLButtonElement).hidden = true;
  show('loading', 'Loading the model');
  await runtime.models.load(modelId);
  showReady();
}

function showReady(): void {
  element('model-panel', HTMLElement).hidden = true;
  element('download-progress', HTMLElement).hidden = true;
  show('ready', READY);
  void tellWhetherKept();
}

function showStored(): void {
  element('model-panel', HTMLElement).hidden = true;
  show('absent', 'Kept here; the next answer loads it');
}

/** One press too many must not cost a download: removal asks once more. */
function wireRemoval(panel: Panel): void {
  const ask = element('remove-model', HTMLButtonElement);
  const dialog = element('remove-dialog', HTMLDialogElement);
  ask.addEventListener('click', () => dialog.showModal());
  element('remove-no', HTMLButtonElement).addEventListener('click', () => dialog.close());
  element('remove-yes', HTMLButtonElement).addEventListener('click', () => {
    dialog.close();
    void work(panel, remove);
  });
}

async function remove(panel: Panel): Promise<void> {
  show('absent', 'Removing the model');
  await panel.runtime.models.remove(panel.modelId);
  await offerDownload(panel);
  element('download', HTMLButtonElement).focus();
}

function isOffering(): boolean {
  const isCardShown = !element('model-panel', HTMLElement).hidden;
  return isCardShown && element('status', HTMLElement).dataset['modelState'] === 'absent';
}

function offer(label: string): void {
  const button = element('download', HTMLButtonElement);
  button.textContent = label;
  button.hidden = false;
  element('pause', HTMLButtonElement).hidden = true;
  element('model-panel', HTMLElement).hidden = false;
}

function fail(panel: Panel, error: unknown): void {
  const problem = element('model-error', HTMLElement);
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
  showFacts(panel.model !== null);
  offer('Try again');
  show('error', 'The model is not available');
}

function show(state: ShownState, text: string): void {
  element('status', HTMLElement).dataset['modelState'] = state;
  element('status-text', HTMLElement).textContent = text;
  element('model-kept', HTMLElement).hidden = state !== 'ready';
}
