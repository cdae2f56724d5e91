/**
 * Pattern that finds any of the words, the longest where several begin; used with `split` it keeps
 * them. `null` when there are none.
 */
export function wordPattern(words: readonly string[]): RegExp | null {
  if (words.length === 0) return null;
  const longestFirst = words.toSorted((first, second) => second.length - first.length);
  const escaped = longestFirst.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`(${escaped.join('|')})`);
}
