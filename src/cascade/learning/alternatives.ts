import { type Bet, createBet, isRefuted, settleBet } from './bets.ts';

/** What an alternative would have done with a request that was checked. */
export interface AlternativeResult {
  readonly id: string;
  /** A smaller model on the device, or another boundary between two rungs. */
  readonly kind: 'device-model' | 'rung-boundary';
  /** It would have kept the request (or taken it on the cheaper rung) and lost. */
  readonly isLoss: boolean;
  /** Cost of what is done now minus its cost, as a share of the dearest call: −1 to 1. */
  readonly saving: number;
}

/** Evidence for one alternative. Plain data. */
export interface Alternative {
  readonly kind: AlternativeResult['kind'];
  /** Against "it loses more than the budget". */
  loss: Bet;
  /** Against "it saves nothing". */
  saving: Bet;
}

/** A change worth making, with its evidence. Nothing applies it but the owner. */
export interface Proposal {
  readonly id: string;
  readonly kind: AlternativeResult['kind'];
  readonly requests: number;
  readonly lossShare: number;
  /** Mean saving per request, as a share of the dearest call. */
  readonly saving: number;
}

/** `null` results: the request was not checked, which counts as 0 like every unlabelled one. */
export interface AlternativeRound {
  readonly results: readonly AlternativeResult[] | null;
  /** Probability with which this request was checked, above 0. */
  readonly probability: number;
  readonly budget: number;
  /** Smallest probability any request is checked with. */
  readonly least: number;
  /** The check was drawn and failed: it counts against every alternative. */
  readonly isFailed?: boolean;
}

/** Adds one request to every alternative seen so far, and to those it names for the first time. */
export function addAlternatives(
  alternatives: Record<string, Alternative>,
  { results, probability, budget, least, isFailed = false }: AlternativeRound,
): void {
  for (const { id, kind } of results ?? []) {
    alternatives[id] ??= { kind, loss: createBet(), saving: createBet() };
  }
  for (const [id, alternative] of Object.entries(alternatives)) {
    const result = results?.find((each) => each.id === id);
    const loss = isFailed || result?.isLoss === true ? 1 / probability : 0;
    const saving = clampShare(isFailed ? -1 : (result?.saving ?? 0)) / probability;
    settleBet(alternative.loss, loss, { limit: budget, most: 1 / least });
    settleBet(alternative.saving, -saving, { limit: 0, most: 1 / least });
  }
}

/** Alternatives certified both to keep the budget and to save something. */
export function listProposals(
  alternatives: Readonly<Record<string, Alternative>>,
  delta: number,
): Proposal[] {
  return Object.entries(alternatives)
    .filter(([, { loss, saving }]) => isRefuted(loss, delta) && isRefuted(saving, delta))
    .map(([id, { kind, loss, saving }]) => ({
      id,
      kind,
      requests: loss.count,
      lossShare: loss.sum / loss.count,
      saving: -saving.sum / saving.count,
    }));
}

function clampShare(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-1, Math.min(1, value));
}
