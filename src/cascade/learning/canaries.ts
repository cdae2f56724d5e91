import { type Bet, createBet, isRefuted, settleBet } from './bets.ts';

export interface CanaryBook {
  /** Verdicts on the latest canaries: `true` = a known-wrong answer was passed. */
  canaries: boolean[];
  canaryBet: Bet;
}

/**
 * `unproven`: too few canaries to trust it yet. `trusted`: shown to pass at most 10 %. `void`: passed
 * more than 10 % of the latest ones. Only a trusted judge's verdicts can loosen anything.
 */
export type JudgeStanding = 'unproven' | 'trusted' | 'void';

/** A judge that passes more than this share of known-wrong answers is void. */
export const MOST_CANARIES_PASSED = 0.1;

/** The share is taken over this many, so that a judge that turns bad is noticed. */
export const CANARIES_REMEMBERED = 100;

/** Settles one canary. While the judge is void its proof starts over. */
export function settleCanary(book: CanaryBook, isPassed: boolean): void {
  book.canaries = [...book.canaries, isPassed].slice(-CANARIES_REMEMBERED);
  settleBet(book.canaryBet, Number(isPassed), { limit: MOST_CANARIES_PASSED, most: 1 });
  if (isVoid(book)) book.canaryBet = createBet();
}

/**
 * Settles a canary of another browser's judge: it can earn trust for the labels it came with, but says
 * nothing for a judge that failed here.
 */
export function settleForeignCanary(book: CanaryBook, isPassed: boolean): void {
  if (isVoid(book)) return;
  settleBet(book.canaryBet, Number(isPassed), { limit: MOST_CANARIES_PASSED, most: 1 });
}

/** `delta`: accepted risk of trusting a judge that passes more than 10 %. */
export function judgeStanding(book: CanaryBook, delta: number): JudgeStanding {
  if (isVoid(book)) return 'void';
  return isRefuted(book.canaryBet, delta) ? 'trusted' : 'unproven';
}

/** Whether more than 10 % of the latest known-wrong answers were passed. */
export function isVoid({ canaries }: Pick<CanaryBook, 'canaries'>): boolean {
  const passed = canaries.filter(Boolean).length;
  return passed > MOST_CANARIES_PASSED * canaries.length;
}
