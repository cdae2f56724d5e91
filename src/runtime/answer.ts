import { EngineError } from '../errors.ts';
import type { Decision, TierEvent, TierFinish } from '../types.ts';

/** A whole answer. */
export interface Answer {
  readonly text: string;
  readonly finish: TierFinish;
  /** In the order they fell. */
  readonly decisions: readonly Decision[];
}

/** Reads a stream to its end. */
export async function collectAnswer(events: AsyncIterable<TierEvent>): Promise<Answer> {
  const decisions: Decision[] = [];
  let text = '';
  for await (const event of events) {
    if (event.type === 'decision') decisions.push(event.decision);
    else if (event.type === 'text-delta') text += event.text;
    else if (event.type === 'text-reset') text = '';
    else return { text, finish: event, decisions };
  }
  throw new EngineError('internal', 'The answer ended without a finish event.');
}
