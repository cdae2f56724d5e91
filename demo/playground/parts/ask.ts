import type { Request, Runtime } from 'edgewise';

import { createAnswerView } from './answer.ts';
import { type Endpoint, type EndpointState, isOnlyLocal, ONLY_LOCAL } from './endpoint.ts';
import { element } from './page.ts';
import { type Counter, hideStop, stream } from './stream.ts';

const MAX_TOKENS = 160;

/** Questions: to the server when there is one, else the page shows what would have been sent. */
export function wireAsk(runtime: Runtime, endpoint: Endpoint): void {
  const question = element('ask', HTMLTextAreaElement);
  const submit = element('ask-submit', HTMLButtonElement);
  const stop = element('ask-stop', HTMLButtonElement);
  const view = createAnswerView(
    element('ask-result', HTMLElement),
    element('answer', HTMLElement),
    () => endpoint.state,
  );
  let running: AbortController | null = null;

  element('ask-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    if (question.value.trim() !== '') void answer();
    else {
      running?.abort();
      view.clear();
      question.focus();
    }
  });
  question.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit.click();
  });
  stop.addEventListener('click', () => {
    running?.abort();
    hideStop(stop, question);
  });

  async function answer(): Promise<void> {
    running?.abort();
    const call = new AbortController();
    running = call;
    stop.hidden = false;
    await ask({ runtime, endpoint, view: view.begin() }, question.value, call);
    if (running === call) hideStop(stop, question);
  }
}

/** What is going to happen to a question, before it is asked. */
export function askRoute(state: EndpointState, mode: string): string {
  if (mode === 'only-on-device') return 'Stays on this device.';
  if (state.status === 'cut') return 'The plug is pulled: shows what would be sent.';
  if (state.status === 'none') return 'No server is set up: shows what would be sent.';
  return state.status === 'present' ? 'Goes to the server.' : '';
}

function askRequest(question: string): Request {
  return {
    task: 'ask',
    input: { kind: 'messages', messages: [{ role: 'user', content: question }] },
    sessionId: 'ask',
    field: 'ask',
    maxTokens: MAX_TOKENS,
  };
}

async function ask(counter: Counter, question: string, call: AbortController): Promise<void> {
  const { endpoint, view } = counter;
  const finish = await stream(counter, askRequest(question), {
    call,
    // A guess of the small model is no answer to an open question: better to show the request.
    onUnsent: (unsent) => view.unsent(unsentReason(endpoint.state), unsent),
  });
  if (finish?.tier === 'device') {
    view.note(
      'Take it with care: on open questions this model is often wrong, and its confidence does not tell when.',
    );
  } else if (finish !== null && isOnlyLocal(endpoint.state)) {
    view.note(ONLY_LOCAL);
  }
}

function unsentReason(state: EndpointState): string {
  if (state.status === 'cut') {
    return 'The plug is pulled, so nothing was sent. This would have been sent:';
  }
  return 'No server is set up, so nothing was sent. This would be sent. (“Only this device” lets the small model answer; expect little.)';
}
