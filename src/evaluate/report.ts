/** A line that must hold. */
export interface Bar {
  readonly name: string;
  /** `null` = could not be measured, which never holds. */
  readonly value: number | null;
  readonly limit: 'at least' | 'at most';
  readonly bar: number;
  /** What is aimed at beyond the bar. */
  readonly goal?: number;
  readonly ok: boolean;
}

/** What a measurement reports, the same shape for every evaluation and benchmark. */
export interface EvaluationReport {
  readonly name: string;
  /** Whether every bar holds. */
  readonly ok: boolean;
  /** `null` = not measurable on these data. */
  readonly figures: Readonly<Record<string, number | null>>;
  readonly bars: readonly Bar[];
  /** What the figures rest on: sample size, seed, data hash, method. */
  readonly context: Readonly<Record<string, string | number | boolean | null>>;
}

export interface BarLimits {
  readonly bar: number;
  readonly goal?: number;
}

/** Digits that a share or an interval may need, and no more. */
const DECIMALS = 6;

export function atLeast(name: string, value: number | null, limits: BarLimits): Bar {
  return { name, value, limit: 'at least', ...limits, ok: value !== null && value >= limits.bar };
}

export function atMost(name: string, value: number | null, limits: BarLimits): Bar {
  return { name, value, limit: 'at most', ...limits, ok: value !== null && value <= limits.bar };
}

/** A report from its parts. Figures are rounded to six decimals; bars are judged before that. */
export function createReport(
  parts: Omit<EvaluationReport, 'ok' | 'bars'> & { readonly bars?: readonly Bar[] },
): EvaluationReport {
  const bars = parts.bars ?? [];
  const figures = Object.fromEntries(
    Object.entries(parts.figures).map(([key, value]) => [key, rounded(value)]),
  );
  return {
    name: parts.name,
    ok: bars.every((bar) => bar.ok),
    figures,
    bars: bars.map((bar) => ({ ...bar, value: rounded(bar.value) })),
    context: parts.context,
  };
}

/** A table for people. */
export function formatReport({ name, ok, figures, bars, context }: EvaluationReport): string {
  const lines = [name, '', ...rows(figures)];
  if (bars.length > 0) lines.push('', 'must hold', ...bars.map((bar) => describeBar(bar)));
  lines.push('', 'measured on', ...rows(context));
  if (bars.length > 0) lines.push('', ok ? 'all bars hold' : 'a bar FAILED');
  return `${lines.join('\n')}\n`;
}

function rounded(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Math.round(value * 10 ** DECIMALS) / 10 ** DECIMALS;
}

function rows(values: EvaluationReport['context']): string[] {
  return Object.entries(values).map(([key, value]) => row(key, describeValue(value)));
}

function row(label: string, value: string): string {
  return `  ${label.padEnd(40)} ${value}`;
}

function describeBar(bar: Bar): string {
  const goal = bar.goal === undefined ? '' : `, goal ${describeValue(bar.goal)}`;
  const value = `${describeValue(bar.value)}  (${bar.limit} ${describeValue(bar.bar)}${goal})`;
  return row(`${bar.ok ? 'ok  ' : 'FAIL'} ${bar.name}`, value);
}

function describeValue(value: string | number | boolean | null): string {
  if (value === null) return 'not measurable';
  if (typeof value !== 'number') return String(value);
  const size = Math.abs(value);
  // A seed or a count is no quantity to be grouped or cut.
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(size < 2 ? 4 : 2);
}
