import { type CatalogueEntry, createRuntime, type Runtime } from 'edgewise';

import { describeModel, showProgress } from '../playground/parts/model-card.ts';
import { areTermsAccepted, showTerms } from '../playground/parts/model-terms.ts';
import { element, make } from '../playground/parts/page.ts';
import { copyText } from './parts/copy.ts';
import { type Machine, machineRows, readMachine } from './parts/machine.ts';
import { measure } from './parts/measure.ts';
import {
  createReport,
  type Figures,
  figuresOf,
  type ModelCost,
  type Report,
} from './parts/report.ts';
import {
  hideModel,
  showProblem,
  showRunning,
  showStartable,
  showState,
  showStep,
} from './parts/run-card.ts';
import { fillTable, toMarkdown } from './parts/table.ts';
import reference from './reference.json' with { type: 'json' };

const MODELS_URL = '/models/';
/** `?model=ID` measures another model that `edgewise pull` put beside the default one. */
const modelId = new URLSearchParams(location.search).get('model') ?? reference.model.id;
/** For a model whose cost per token nobody counted: enough bytes to be out of every cache. */
const UNCOUNTED: ModelCost = { bytesPerToken: 100_000_000, layerMacsPerToken: null };
const isReferenceModel = modelId === reference.model.id;
const cost: ModelCost = isReferenceModel ? reference.model : UNCOUNTED;
/** Figures of another model would compare models, not machines. */
const referenceFigures: Figures = isReferenceModel ? reference.figures : {};

const startButton = element('start', HTMLButtonElement);
let running: AbortController | null = null;
let report: Report | null = null;

element('cancel', HTMLButtonElement).addEventListener('click', () => running?.abort());
startButton.addEventListener('click', () => void run());
element('copy-markdown', HTMLButtonElement).addEventListener('click', () => {
  if (report !== null) void copyText(toMarkdown(named(report), referenceFigures));
});
element('copy-json', HTMLButtonElement).addEventListener('click', () => {
  if (report !== null) void copyText(`${JSON.stringify(named(report), null, 2)}\n`);
});
void prepare();

/** The name may be typed after the run. */
function named({ figures, context }: Report): Report {
  const name = element('machine-name', HTMLInputElement).value.trim();
  return { name: 'page', figures, context: { ...context, ...(name !== '' && { Machine: name }) } };
}

async function prepare(): Promise<void> {
  try {
    showMachine(await readMachine());
    await withRuntime(async (runtime) => {
      if ((await runtime.models.availability()) === 'ready') return;
      const model = await findModel(runtime);
      describeModel(model);
      element('model-purpose', HTMLElement).hidden = false;
      startButton.textContent = 'Download and measure';
      showTerms(model.licence, startButton);
    });
    if (element('model-terms', HTMLElement).hidden) startButton.disabled = false;
    showState('idle');
  } catch (error) {
    showProblem(error);
    showStartable('Try again');
  }
}

async function withRuntime<Value>(use: (runtime: Runtime) => Promise<Value>): Promise<Value> {
  const runtime = createRuntime({ model: modelId, models: { baseUrl: MODELS_URL } });
  try {
    return await use(runtime);
  } finally {
    runtime.close();
  }
}

async function findModel(runtime: Runtime): Promise<CatalogueEntry> {
  const models = await runtime.models.catalogue();
  const model = models.find(({ id }) => id === modelId);
  if (model !== undefined) return model;
  throw new Error(
    `This server has no model ${modelId}. Run \`npx --no-install edgewise pull\` there.`,
  );
}

async function run(): Promise<void> {
  const controller = new AbortController();
  running = controller;
  showRunning();
  try {
    await download(controller.signal);
    const { figures, machine, warning } = await measureAll(controller.signal);
    showReport(figures, machine, warning);
    showState('done');
    showStartable('Measure again');
  } catch (error) {
    if (controller.signal.aborted) showState('idle', 'Cancelled.');
    else showProblem(error);
    showStartable(controller.signal.aborted ? 'Measure' : 'Try again');
  } finally {
    controller.abort();
    running = null;
  }
}

async function download(signal: AbortSignal): Promise<void> {
  showState('downloading');
  await withRuntime(async (runtime) => {
    if ((await runtime.models.availability()) === 'ready') return;
    const acceptLicence = areTermsAccepted();
    await runtime.models.download(modelId, { signal, onProgress: showProgress, acceptLicence });
  });
  hideModel();
}

interface Measured {
  readonly figures: Figures;
  readonly machine: Machine;
  readonly warning: string;
}

async function measureAll(signal: AbortSignal): Promise<Measured> {
  showState('measuring');
  const machine = await readMachine();
  const startedAt = performance.now();
  let wasHidden = document.hidden;
  document.addEventListener('visibilitychange', () => (wasHidden ||= document.hidden), { signal });
  const precisions = machine.hasRelaxedSimd ? (['fast', 'exact'] as const) : (['exact'] as const);
  let figures: Figures = {};
  for (const [index, precision] of precisions.entries()) {
    const samples = await measure({
      modelId,
      modelsUrl: MODELS_URL,
      precision,
      bytesPerToken: cost.bytesPerToken,
      signal,
      onStep(name, doneShare) {
        const share = (index + doneShare) / precisions.length;
        showStep(`${precision}: ${name}`, share, performance.now() - startedAt);
      },
    });
    figures = { ...figures, ...figuresOf(precision, samples, cost) };
  }
  const warning = wasHidden
    ? 'The tab was not in front all the time: browsers slow such tabs.'
    : '';
  return { figures, machine, warning };
}

function showReport(figures: Figures, machine: Machine, warning: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const machineName = element('machine-name', HTMLInputElement).value.trim();
  report = createReport(figures, { modelId, machine, machineName, warning, date });
  const table = document.querySelector('table');
  if (table !== null) fillTable(table, figures, referenceFigures);
  element('reference-machine', HTMLElement).textContent = isReferenceModel
    ? reference.machine
    : `Our server measured another model, ${reference.model.id}.`;
  element('results-warning', HTMLElement).textContent = warning;
  element('results-warning', HTMLElement).hidden = warning === '';
  element('results', HTMLElement).hidden = false;
}

function showMachine(machine: Machine): void {
  const rows = machineRows(machine).map(([name, value]) => {
    const pair = document.createElement('div');
    pair.append(make('dt', name), make('dd', value));
    return pair;
  });
  element('machine', HTMLElement).replaceChildren(...rows);
}
