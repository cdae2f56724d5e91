import type { Runtime, SortedText, StudentInfo } from 'edgewise';

import type { Endpoint } from './endpoint.ts';
import { element, make } from './page.ts';
import { createBudget, type Budget } from './triage-budget.ts';
import { EXAMPLES } from './triage-examples.ts';
import { createVerdict } from './triage-verdict.ts';

/** Messages to a bank sorted into topics: the student first, the server where it is not sure. */
export function wireTriage(runtime: Runtime, endpoint: Endpoint): void {
  const field = element('triage', HTMLTextAreaElement);
  const verdict = createVerdict(element('triage-result', HTMLElement), () => endpoint.state);
  const budget = createBudget();
  let running: AbortController | null = null;

  const sort = async (): Promise<void> => {
    const text = field.value.trim();
    running?.abort();
    if (text === '') {
      verdict.clear();
      field.focus();
      return;
    }
    const call = new AbortController();
    running = call;
    verdict.begin();
    const outcome = await tryToSort({ runtime, endpoint, budget }, text, call.signal);
    if (running !== call) return;
    if (outcome instanceof Error) verdict.fail(outcome);
    else verdict.show(outcome);
  };

  element('triage-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void sort();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void sort();
  });
  showExamples((text) => {
    field.value = text;
    void sort();
  });
  budget.onChange(() => {
    if (element('triage-result', HTMLElement).dataset['state'] !== 'idle') void sort();
  });
  runtime.addEventListener('fallback', ({ detail }) => {
    if (detail.kind === 'tier' && detail.to === 'student') verdict.explainFallback(detail.error);
  });
  void prepare(runtime, budget);
}

interface Counter {
  readonly runtime: Runtime;
  readonly endpoint: Endpoint;
  readonly budget: Budget;
}

async function tryToSort(
  { runtime, endpoint, budget }: Counter,
  text: string,
  signal: AbortSignal,
): Promise<SortedText | Error> {
  try {
    const request = {
      task: 'classify',
      field: 'triage',
      input: { kind: 'text', text },
    } as const;
    return await runtime.classify(request, { signal, lossBudget: budget.value });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    // The other boxes of the page ask what did not leave: this was not theirs.
    endpoint.takeUnsent();
  }
}

/** The student is small: it is fetched with the page, so that the first message is sorted at once. */
async function prepare(runtime: Runtime, budget: Budget): Promise<void> {
  const info: StudentInfo | null = await runtime.students.load().catch(() => null);
  // The first message tries again, and says what is wrong.
  if (info !== null) budget.show(info);
}

function showExamples(choose: (text: string) => void): void {
  const buttons = EXAMPLES.map((text) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'small example';
    button.textContent = text;
    button.addEventListener('click', () => choose(text));
    return button;
  });
  const heading = make('p', 'Or try one of these', 'soft');
  element('triage-examples', HTMLElement).replaceChildren(heading, ...buttons);
}
