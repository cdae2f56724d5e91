import type { Request, Runtime, TierFinish } from 'edgewise';

import { createAnswerView } from './answer.ts';
import { type Endpoint, isOnlyLocal, ONLY_LOCAL } from './endpoint.ts';
import { element } from './page.ts';
import { hideStop, stream } from './stream.ts';

const CONTINUE_MAX_TOKENS = 24;
const REPHRASE_MAX_TOKENS = 64;

/** A sentence goes on, or is put another way: the device tries, its confidence decides. */
export function wireRewrite(runtime: Runtime, endpoint: Endpoint): void {
  const text = element('rewrite', HTMLTextAreaElement);
  const stop = element('rewrite-stop', HTMLButtonElement);
  const view = createAnswerView(
    element('rewrite-result', HTMLElement),
    element('rewrite-answer', HTMLElement),
    () => endpoint.state,
  );
  let running: AbortController | null = null;
  stop.addEventListener('click', () => {
    running?.abort();
    hideStop(stop, text);
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
    if (running !== call) return;
    hideStop(stop, text);
    if (finish !== null) turn.note(caution(finish, endpoint));
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

/** What to think of the answer, where the route does not say it already. */
function caution({ tier, decision }: TierFinish, endpoint: Endpoint): string {
  if (tier !== 'device') return isOnlyLocal(endpoint.state) ? ONLY_LOCAL : '';
  const isSaid = decision?.reason === 'remote-unavailable' || decision?.reason === 'no-higher-tier';
  return isSaid ? '' : 'Read it before you use it: a model this small often misses the meaning.';
}
