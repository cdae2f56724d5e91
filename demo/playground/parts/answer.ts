import type { TierEvent, TierFinish } from 'edgewise';

import type { EndpointState } from './endpoint.ts';
import { decisionText, endingText } from './explain.ts';
import { confidenceText } from './figures.ts';
import { make, part } from './page.ts';
import { showReceipt } from './receipt.ts';

/** What was about to leave the device, and could not. */
export interface Unsent {
  readonly url: string;
  readonly body: string;
}

/** One place where answers appear, with their route and receipt. */
export interface AnswerView {
  /** Empties the place and marks it as streaming. What an earlier turn still says is ignored. */
  begin(): AnswerTurn;
  /** Empties the place. */
  clear(): void;
}

/** One answer on its way into the view. */
export interface AnswerTurn {
  event(event: TierEvent): void;
  /** Shows the JSON that was not sent, and why. */
  unsent(reason: string, request: Unsent): void;
  fail(message: string): void;
  /** Adds a sentence about how the answer came about. */
  note(text: string): void;
}

/**
 * @param result the section around `answer`; it shows with the first answer.
 * @param endpointState what is known of the server now.
 */
export function createAnswerView(
  result: HTMLElement,
  answer: HTMLElement,
  endpointState: () => EndpointState,
): AnswerView {
  const route = part(result, 'route', HTMLElement);
  const receipt = part(result, 'receipt', HTMLElement);
  let latest: AnswerTurn | null = null;
  const empty = (state: string): void => {
    receipt.hidden = true;
    route.textContent = '';
    answer.replaceChildren();
    setData(answer, { state, tier: '', confidence: '', finish: '' });
  };
  return {
    begin() {
      result.hidden = false;
      empty('streaming');
      const turn = createTurn({ answer, route, receipt, endpointState });
      latest = turn;
      const ifLatest =
        <Values extends unknown[]>(act: (...values: Values) => void) =>
        (...values: Values): void => {
          if (latest === turn) act(...values);
        };
      return {
        event: ifLatest(turn.event),
        unsent: ifLatest(turn.unsent),
        fail: ifLatest(turn.fail),
        note: ifLatest(turn.note),
      };
    },
    clear() {
      latest = null;
      result.hidden = true;
      empty('idle');
    },
  };
}

interface Places {
  readonly answer: HTMLElement;
  readonly route: HTMLElement;
  readonly receipt: HTMLElement;
  readonly endpointState: () => EndpointState;
}

function createTurn({ answer, route, receipt, endpointState }: Places): AnswerTurn {
  const note = (text: string): void => {
    if (text !== '') route.textContent = `${route.textContent ?? ''} ${text}`.trim();
  };
  return {
    event(event) {
      if (event.type === 'text-delta') append(answer, event.text);
      if (event.type === 'text-reset') answer.replaceChildren();
      if (event.type === 'decision') {
        // The last decision says who answers; those before it led there.
        route.textContent = decisionText(event.decision, endpointState());
        if (event.decision.action === 'accept') setData(answer, { tier: event.decision.tier });
      }
      if (event.type !== 'finish') return;
      finish(answer, event);
      note(endingText(event.reason));
      showReceipt(receipt, event);
    },
    unsent(reason, request) {
      route.textContent = '';
      const json = make('pre', prettyJson(request.body));
      json.id = 'would-send';
      const address = `POST ${new URL(request.url, location.href).pathname}`;
      answer.replaceChildren(make('p', reason, 'said'), make('p', address, 'said address'), json);
      setData(answer, { state: 'done', tier: '', confidence: '', finish: '' });
    },
    fail(message) {
      answer.append(make('p', message, 'said'));
      setData(answer, { state: 'error' });
    },
    note,
  };
}

/** A continuation begins with the space that parts it from the sentence; alone it would stick out. */
function append(answer: HTMLElement, text: string): void {
  answer.append(answer.textContent === '' ? text.trimStart() : text);
}

function finish(answer: HTMLElement, event: TierFinish): void {
  setData(answer, {
    state: 'done',
    tier: event.tier,
    confidence: confidenceText(event.confidence.value),
    finish: event.reason,
  });
}

function setData(answer: HTMLElement, values: Readonly<Record<string, string>>): void {
  Object.assign(answer.dataset, values);
  answer.setAttribute('aria-busy', String(answer.dataset['state'] === 'streaming'));
}

function prettyJson(body: string): string {
  return JSON.stringify(JSON.parse(body), null, 2);
}
