import type { Request, Runtime } from 'edgewise';

import { type AnswerTurn, createAnswerView } from './answer.ts';
import { type Endpoint, isOnlyLocal } from './endpoint.ts';
import { element } from './page.ts';
import { stream } from './stream.ts';

const CONTINUE_MAX_TOKENS = 24;
const REPHRASE_MAX_TOKENS = 64;

/** A sentence goes on, or is put another way: the device tries, its confidence decides. */
export function wireRewrite(runtime: Runtime, endpoint: Endpoint): void {
  const text = element('rewrite', HTMLTextAreaElement);
  const stop = element('rewrite-stop', HTMLButtonElement);
  const view = createAnswerView(
    element('rewrite-result', HTMLElement),
    element('rewrite-answer', HTMLElement),
  );
  let running: AbortController | null = null;
  stop.addEventListener('click', () => {
    running?.abort();
    text.focus();
  });
  element('rewrite-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const sentence = text.value.trim();
    const isRephrasing = event.submitter?.id === 'rewrite-rephrase';
    if (sentence === '') {
      running?.abort();
      view.clear();
      text.focus();
    } else void answer(isRephrasing ? rephrase(sentence) : continueText(sentence));
  });

  async function answer(request: Request): Promise<void> {
    running?.abort();
    const call = new AbortController();
    running = call;
    stop.hidden = false;
    const turn = view.begin();
    const finish = await stream({ runtime, endpoint, view: turn }, request, { call });
    showWhatIsMissing(endpoint, turn);
    if (finish !== null && finish.tier !== 'device' && isOnlyLocal(endpoint.state)) {
      turn.note('The server here runs the same small model: it shows the path, not a good answer.');
    }
    if (running === call) stop.hidden = true;
  }
}

function continueText(sentence: string): Request {
  return {
    task: 'rewrite',
    input: { kind: 'prefix', before: sentence },
    sessionId: 'rewrite',
    field: 'rewrite',
    maxTokens: CONTINUE_MAX_TOKENS,
    stop: ['\n'],
  };
}

function rephrase(sentence: string): Request {
  const content = `Rewrite this sentence in other words. Answer with the sentence only.\n\n${sentence}`;
  return {
    task: 'rewrite',
    input: { kind: 'messages', messages: [{ role: 'user', content }] },
    sessionId: 'rewrite',
    field: 'rewrite',
    maxTokens: REPHRASE_MAX_TOKENS,
  };
}

/** Where the device was unsure and nobody else could be asked, the answer says so. */
function showWhatIsMissing(endpoint: Endpoint, view: AnswerTurn): void {
  if (endpoint.takeUnsent() === null) return;
  const why = endpoint.state.status === 'cut' ? 'The plug is pulled' : 'No server is set up';
  view.note(`${why}.`);
}
