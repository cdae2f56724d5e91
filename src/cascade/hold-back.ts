import type { Decision, TierEvent, TokenEvidence } from '../types.ts';
import { judgeDraft, type LowConfidenceAction } from './judge.ts';
import { summariseEvidence } from './evidence.ts';
import type { Rule } from './rules.ts';

export type TextDelta = Extract<TierEvent, { type: 'text-delta' }>;

/** What to do with the text so far. */
export type HoldBackVerdict =
  | { readonly type: 'hold' }
  /** Show these; `decision` comes with the first text shown. */
  | {
      readonly type: 'show';
      readonly deltas: readonly TextDelta[];
      readonly decision: Decision | null;
    }
  /** Not sure enough: before anything was shown, or later (a collapse). */
  | { readonly type: 'low'; readonly decision: Decision };

export interface HoldBack {
  push(delta: TextDelta): HoldBackVerdict;
  /** The answer is over; fewer tokens than were to be held are judged now. */
  end(): HoldBackVerdict;
  /** Judges all tokens so far. */
  judge(onLow?: LowConfidenceAction): Decision;
  /** Takes what is not shown yet. */
  takeHeld(): readonly TextDelta[];
  readonly isShown: boolean;
  /** The text shown so far. */
  readonly shownText: string;
}

export interface HoldBackOptions {
  readonly tier: string;
  readonly rule: Rule;
  readonly onLow: LowConfidenceAction;
  readonly holdBackTokens: number;
}

/**
 * Keeps the first tokens of a draft back until its running confidence passes, then watches for a
 * collapse. The token that causes a collapse is not shown. Nothing is held when nothing above may be
 * asked.
 */
export function createHoldBack(options: HoldBackOptions): HoldBack {
  const { tier, rule, onLow } = options;
  const holdBackTokens = onLow.action === 'accept' ? 0 : options.holdBackTokens;
  const seen: TokenEvidence[] = [];
  let held: TextDelta[] = [];
  let countedTokens = 0;
  let isShown = false;
  let shownText = '';

  const judge = (action: LowConfidenceAction = onLow): Decision =>
    judgeDraft({ tier, rule, features: summariseEvidence(seen), onLow: action });

  const takeHeld = (): readonly TextDelta[] => {
    const deltas = held;
    held = [];
    isShown ||= deltas.length > 0;
    shownText += deltas.map((delta) => delta.text).join('');
    return deltas;
  };

  const judgeHeld = (): HoldBackVerdict => {
    const decision = judge();
    if (decision.action !== 'accept') return { type: 'low', decision };
    const isFirst = !isShown && onLow.action !== 'accept';
    return { type: 'show', deltas: takeHeld(), decision: isFirst ? decision : null };
  };

  return {
    push(delta) {
      held.push(delta);
      seen.push(...delta.evidence);
      countedTokens += delta.evidence.filter((token) => !token.isTyped).length;
      const isUndecided = countedTokens < Math.max(holdBackTokens, 1);
      if (!isShown && isUndecided && onLow.action !== 'accept') return { type: 'hold' };
      return judgeHeld();
    },
    end: () => (held.length > 0 || !isShown ? judgeHeld() : { type: 'hold' }),
    judge,
    takeHeld,
    get isShown() {
      return isShown;
    },
    get shownText() {
      return shownText;
    },
  };
}
