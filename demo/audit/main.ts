/**
 * The audit as a page. It runs in the page itself and not in a worker: what a worker may connect to is
 * not for the page's own policy to say, and here the browser is to forbid it.
 */
import type { CallPrices } from 'edgewise/audit';

type AuditModule = typeof import('edgewise/audit');

/** Reading takes about this share of the time. */
const READING_SHARE = 0.1;

const section = element('audit', HTMLElement);
const startButton = element('start', HTMLButtonElement);
const cancelButton = element('cancel', HTMLButtonElement);
let running: AbortController | null = null;

startButton.addEventListener('click', () => void start());
cancelButton.addEventListener('click', () => running?.abort());

async function start(): Promise<void> {
  const file = element('log', HTMLInputElement).files?.[0];
  if (file === undefined) return showProblem('Choose a file first.');
  const controller = new AbortController();
  running = controller;
  showRunning(true);
  try {
    await audit(file, await import('edgewise/audit'), controller.signal);
    section.dataset['state'] = 'done';
  } catch (error) {
    const isCancelled = controller.signal.aborted;
    section.dataset['state'] = isCancelled ? 'idle' : 'failed';
    showProblem(isCancelled ? 'Cancelled.' : messageOf(error));
  } finally {
    running = null;
    showRunning(false);
  }
}

async function audit(file: File, tools: AuditModule, signal: AbortSignal): Promise<void> {
  const { readLog, auditLog, describeAudit, drawAudit, reportAudit } = tools;
  showStep('Reading', 0);
  const log = await readLog(file.stream(), {
    signal,
    onProgress: (bytes) => showStep('Reading', (bytes / file.size) * READING_SHARE),
  });
  const result = await auditLog(log, {
    signal,
    prices: readPrices(),
    onProgress: (share) =>
      showStep('Learning and judging', READING_SHARE + share * (1 - READING_SHARE)),
  });
  element('text', HTMLElement).textContent = describeAudit(result);
  showChart(drawAudit(result));
  const report = reportAudit(result, null);
  element('json', HTMLTextAreaElement).value = JSON.stringify(report, null, 2);
  element('results', HTMLElement).hidden = false;
  element('results-title', HTMLElement).focus();
}

/** The chart is our own SVG; parsed as XML it can hold nothing that runs. */
function showChart(svg: string | null): void {
  const target = element('chart', HTMLElement);
  target.replaceChildren();
  if (svg === null) return;
  const drawn = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  target.append(document.importNode(drawn, true));
}

function readPrices(): CallPrices {
  const [call, input, output] = ['price-call', 'price-input', 'price-output'].map(readPrice);
  if ((input === undefined) !== (output === undefined)) {
    throw new RangeError('Give the prices of input and of output tokens, or neither.');
  }
  return {
    ...(call === undefined ? {} : { perCallUsd: call }),
    ...(input === undefined ? {} : { inputUsdPerMillion: input }),
    ...(output === undefined ? {} : { outputUsdPerMillion: output }),
  };
}

function readPrice(id: string): number | undefined {
  const { value, valueAsNumber, validity } = element(id, HTMLInputElement);
  if (!validity.valid) throw new RangeError('A price is a number, 0 or more.');
  return value === '' ? undefined : valueAsNumber;
}

function showRunning(isRunning: boolean): void {
  if (isRunning) {
    section.dataset['state'] = 'running';
    element('results', HTMLElement).hidden = true;
    showProblem('');
  }
  element('progress', HTMLElement).hidden = !isRunning;
  startButton.disabled = isRunning;
  cancelButton.hidden = !isRunning;
}

function showStep(name: string, share: number): void {
  element('bar', HTMLProgressElement).value = share;
  element('step', HTMLElement).textContent = `${name}, ${Math.round(share * 100)} %`;
}

function showProblem(text: string): void {
  const problem = element('problem', HTMLElement);
  problem.textContent = text;
  problem.hidden = text === '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'The audit failed.';
}

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no #${id}.`);
}
