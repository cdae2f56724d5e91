import type { HeldOutScores } from '../students/typical-scores.ts';

/** Ends of the search: a student is never this far off. */
const LOWEST = 0.2;
const HIGHEST = 5;
const SEARCH_STEPS = 30;
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * The temperature at which the probabilities of these scores have the lowest mean log loss (Guo et
 * al. 2017), by golden-section search; 1 without rows.
 */
export function fitTemperature(held: readonly HeldOutScores[]): number {
  if (held.length === 0) return 1;
  let low = Math.log(LOWEST);
  let high = Math.log(HIGHEST);
  for (let step = 0; step < SEARCH_STEPS; step += 1) {
    const span = (high - low) * GOLDEN_RATIO;
    const isLowerBetter =
      meanLogLoss(held, Math.exp(high - span)) <= meanLogLoss(held, Math.exp(low + span));
    if (isLowerBetter) high = low + span;
    else low = high - span;
  }
  return Math.exp((low + high) / 2);
}

/** Minus the log of the softmax at the right label, with the largest score taken off first. */
function meanLogLoss(held: readonly HeldOutScores[], temperature: number): number {
  let sum = 0;
  for (const { scores, label } of held) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < scores.length; index += 1) {
      largest = Math.max(largest, scores[index] ?? largest);
    }
    let total = 0;
    for (let index = 0; index < scores.length; index += 1) {
      total += Math.exp(((scores[index] ?? largest) - largest) / temperature);
    }
    sum += Math.log(total) - ((scores[label] ?? largest) - largest) / temperature;
  }
  return sum / held.length;
}
