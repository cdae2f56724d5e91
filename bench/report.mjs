// The shape every benchmark reports in, for programs and for people.

/** A line that must hold: `value` may not be above `bar`. */
export function atMost(name, value, bar) {
  return { name, value, limit: 'at most', bar, ok: value <= bar };
}

/** A line that must hold: `value` may not be below `bar`; `goal`, if any, is what is aimed at. */
export function atLeast(name, value, { bar, goal }) {
  return { name, value, limit: 'at least', bar, goal, ok: value >= bar };
}

export function printJson(report) {
  console.log(JSON.stringify(report));
}

export function printTable({ name, ok, figures, bars, context }) {
  console.log(`${name}\n`);
  for (const [key, value] of Object.entries(figures)) printRow(key, formatNumber(value));
  console.log('\nmust hold');
  for (const bar of bars) {
    const goal = bar.goal === undefined ? '' : `, goal ${formatNumber(bar.goal)}`;
    const sentence = `${formatNumber(bar.value)}  (${bar.limit} ${formatNumber(bar.bar)}${goal})`;
    printRow(`${bar.ok ? 'ok  ' : 'FAIL'} ${bar.name}`, sentence);
  }
  console.log('\nmeasured on');
  for (const [key, value] of Object.entries(context)) printRow(key, String(value));
  console.log(`\n${ok ? 'all bars hold' : 'a bar FAILED'}`);
}

function printRow(label, value) {
  console.log(`  ${label.padEnd(40)} ${value}`);
}

/** Shares and cosines need the digits that times do not have. */
function formatNumber(value) {
  const size = Math.abs(value);
  return value.toLocaleString('en', { maximumFractionDigits: size < 2 ? 5 : size < 100 ? 2 : 0 });
}

/** Value below which the share `quantile` of the samples lies. */
export function quantileOf(samples, quantile) {
  const sorted = samples.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * quantile;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  return below + (above - below) * (position - Math.floor(position));
}

export function medianOf(samples) {
  return quantileOf(samples, 0.5);
}

/** At most three decimals: more would claim a precision no run here has. */
export function rounded(value) {
  return Math.round(value * 1000) / 1000;
}
