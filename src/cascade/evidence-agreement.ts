/** Shortest pieces that still tell word order apart in any script. */
const PIECE_LENGTH = 3;

/**
 * How far two samples of one answer agree, 0 to 1: the share of their three-character pieces that
 * both have (Dice 1945), white space and case aside. For engines without log-probabilities, where
 * drawing twice is the only evidence. `null` when a sample is missing.
 */
export function sampleAgreement(first: string | null, second: string | null): number | null {
  if (first === null || second === null) return null;
  const left = normalise(first);
  const right = normalise(second);
  if (left === right) return 1;
  const leftPieces = countPieces(left);
  const rightPieces = countPieces(right);
  let common = 0;
  for (const [piece, count] of leftPieces) common += Math.min(count, rightPieces.get(piece) ?? 0);
  const total = sumOf(leftPieces) + sumOf(rightPieces);
  return total === 0 ? 0 : (2 * common) / total;
}

function normalise(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/gu, ' ').trim();
}

/** A space at both ends makes pieces of texts of a single character too. */
function countPieces(text: string): Map<string, number> {
  const characters = text === '' ? [] : [' ', ...Array.from(text), ' '];
  const counts = new Map<string, number>();
  for (let start = 0; start + PIECE_LENGTH <= characters.length; start += 1) {
    const piece = characters.slice(start, start + PIECE_LENGTH).join('');
    counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return counts;
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
