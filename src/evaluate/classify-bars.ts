import type { LabelledText } from '../students/train-ngram.ts';
import { dataHash } from './data-hash.ts';
import openTests from './open-tests.json' with { type: 'json' };
import { atLeast, atMost, type Bar } from './report.ts';

/** What one figure must show. */
export interface FigureBar {
  readonly figure: string;
  readonly limit: 'at least' | 'at most';
  readonly bar: number;
  readonly goal?: number;
}

/** What must hold on these rows. */
export interface KnownTest {
  /** Name of the open test set; `null` when the rows are none of them. */
  readonly name: string | null;
  readonly bars: readonly FigureBar[];
}

/** Figures of which less is better. */
const AT_MOST = new Set([
  'ece',
  'eceBefore',
  'violations',
  'violations300',
  'violations1000',
  'msP95',
  'bytes',
]);

/**
 * The bars of an open test set, when the rows in scope and out of scope are together exactly its
 * rows, in any order and file form. The bars are data: `open-tests.json`.
 */
export async function findKnownTest(
  test: readonly LabelledText[],
  outOfScope: readonly LabelledText[],
): Promise<KnownTest> {
  const lines = [...test, ...outOfScope].map(({ text, label }) => JSON.stringify([text, label]));
  const sorted = lines.toSorted();
  const hash = await dataHash(new TextEncoder().encode(sorted.join('\n')));
  const known = openTests.tests.find(({ rowsSha256 }) => rowsSha256 === hash);
  if (known === undefined) return { name: null, bars: [] };
  const bars = outOfScope.length === 0 ? known.whole : known.leftOut;
  return { name: known.name, bars: bars as readonly FigureBar[] };
}

/** A bar as typed: `accuracy=0.9`. `null` when it is none. Errors, times and sizes are upper limits. */
export function parseFigureBar(text: string): FigureBar | null {
  const [figure = '', value = '', ...rest] = text.split('=');
  const bar = value.trim() === '' ? Number.NaN : Number(value);
  if (figure === '' || rest.length > 0 || !Number.isFinite(bar)) return null;
  return { figure, limit: AT_MOST.has(figure) ? 'at most' : 'at least', bar };
}

export function judgeBars(
  bars: readonly FigureBar[],
  figures: Readonly<Record<string, number | null>>,
): Bar[] {
  return bars.map(({ figure, limit, bar, goal }) => {
    const judge = limit === 'at least' ? atLeast : atMost;
    const limits = { bar, ...(goal === undefined ? {} : { goal }) };
    return judge(figure, figures[figure] ?? null, limits);
  });
}
