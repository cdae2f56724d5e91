import type { Precision } from 'edgewise';

import { make } from '../../playground/parts/page.ts';
import type { Figures, Report } from './report.ts';

/** One line of the table: its median, and the tenths where there are such. */
interface Line {
  readonly label: string;
  readonly key: string;
  readonly unit: string;
  /** Key of the figures with the quick and the slow tenth, without `P10Ms` and `P90Ms`. */
  readonly spread?: string;
  readonly factor?: number;
}

const TITLES: Readonly<Record<Precision, string>> = {
  fast: 'Fast arithmetic (int8, relaxed SIMD)',
  exact: 'Exact arithmetic (int16)',
};

const timed = (label: string, name: string): Line => ({
  label,
  key: `${name}Ms`,
  unit: 'ms',
  spread: name,
});

const LINES: readonly Line[] = [
  timed('Per token', 'Decode'),
  { label: 'Tokens per second', key: 'TokensPerSecond', unit: '' },
  timed('Prompt of 32 tokens', 'Prefill32'),
  timed('Prompt of 128 tokens', 'Prefill128'),
  timed('Key to first word', 'FirstWord'),
  timed('Key to whole suggestion', 'Whole'),
  { label: 'Ready, from the stored file', key: 'ReadyMs', unit: 'ms' },
  { label: 'Read rate of one thread', key: 'ReadGigabytesPerSecond', unit: 'GB/s' },
  { label: 'Token, in times of reading its bytes', key: 'PerRead', unit: '×' },
  { label: 'Multiply rate of one thread', key: 'DotPeakGigaMacs', unit: 'G/s' },
  { label: 'Prompt, share of that rate', key: 'PerDotPeak', unit: '%', factor: 100 },
];

/** Both figures side by side; an arithmetic that did not run here is left out. */
export function fillTable(table: HTMLTableElement, here: Figures, reference: Figures): void {
  for (const body of table.tBodies) body.remove();
  for (const precision of precisionsOf(here)) {
    const body = table.createTBody();
    const title = make('th', TITLES[precision]);
    title.setAttribute('scope', 'rowgroup');
    title.setAttribute('colspan', '3');
    body.insertRow().append(title);
    for (const line of LINES) body.append(row(line, precision, [here, reference]));
  }
}

/** The same table as text, for a comment or a mail. */
export function toMarkdown({ figures, context }: Report, reference: Figures): string {
  const facts = Object.entries(context).map(([name, value]) => `- ${name}: ${value}`);
  const rows = precisionsOf(figures).flatMap((precision) => [
    `| **${TITLES[precision]}** | | |`,
    ...LINES.map((line) => {
      const [one, other] = [figures, reference].map((each) => valueText(line, precision, each));
      return `| ${line.label} | ${one} | ${other} |`;
    }),
  ]);
  return ['| Medians | this machine | Edgewise’s server |', '|---|---|---|', ...rows, '', ...facts]
    .join('\n')
    .concat('\n');
}

function precisionsOf(figures: Figures): Precision[] {
  return (['fast', 'exact'] as const).filter((each) => `${each}DecodeMs` in figures);
}

function row(line: Line, precision: Precision, columns: readonly Figures[]): HTMLTableRowElement {
  const made = document.createElement('tr');
  const name = make('th', line.label);
  name.setAttribute('scope', 'row');
  made.append(name);
  for (const figures of columns) {
    const cell = make('td', valueText(line, precision, figures));
    const tenths = tenthsText(line, precision, figures);
    if (tenths !== '') cell.append(make('small', tenths));
    made.append(cell);
  }
  return made;
}

function valueText(
  { key, unit, factor = 1 }: Line,
  precision: Precision,
  figures: Figures,
): string {
  const value = figures[`${precision}${key}`];
  return value === undefined ? '–' : `${digits(value * factor)} ${unit}`.trim();
}

function tenthsText({ spread }: Line, precision: Precision, figures: Figures): string {
  if (spread === undefined) return '';
  const quick = figures[`${precision}${spread}P10Ms`];
  const slow = figures[`${precision}${spread}P90Ms`];
  return quick === undefined || slow === undefined ? '' : `${digits(quick)} to ${digits(slow)}`;
}

/** As many as a repeated run would give again. */
function digits(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 20 ? 1 : 0 });
}
