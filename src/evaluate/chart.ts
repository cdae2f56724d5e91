export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly kind: 'line' | 'dots';
  readonly points: readonly ChartPoint[];
}

/** A level that the points are read against. */
export interface ChartRule {
  readonly name: string;
  readonly y: number;
}

export interface ChartPanel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly ChartSeries[];
  readonly rules?: readonly ChartRule[];
  /** Fixed ends of an axis; default: the data's own. */
  readonly xRange?: readonly [number, number];
  readonly yRange?: readonly [number, number];
}

export interface ChartOptions {
  readonly title: string;
  /** What the chart rests on, for example rows and seed. */
  readonly caption: string;
  readonly panels: readonly ChartPanel[];
}

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  place(value: number): number;
}

const PANEL_WIDTH = 460;
const PANEL_HEIGHT = 320;
const HEADER_HEIGHT = 56;
const MARGIN = { left: 64, right: 20, top: 34, bottom: 78 } as const;
const TICKS = 5;
/** Steps that people count in, times a power of ten. */
const ROUND_STEPS = [1, 2, 2.5, 5, 10] as const;
const DOT_RADIUS = 2.5;
/** A curve has no more detail than the chart has pixels. */
const MAX_LINE_POINTS = 800;

/** Told apart without red and green (Okabe and Ito 2008), and by dash or shape as well. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const;
const DASHES = ['', '6 3', '2 3', '8 3 2 3'] as const;

/** Panels side by side as one SVG, readable on its own: white ground, a title, a caption. */
export function renderChart({ title, caption, panels }: ChartOptions): string {
  const width = PANEL_WIDTH * panels.length;
  const height = PANEL_HEIGHT + HEADER_HEIGHT;
  const body = panels.map((panel, index) => renderPanel(panel, index * PANEL_WIDTH));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${escapeText(title)}</title><desc>${escapeText(caption)}</desc>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text({ x: 16, y: 24, size: 15 }, title),
    text({ x: 16, y: 42, fill: '#555' }, caption),
    ...body,
    '</svg>\n',
  ].join('\n');
}

function renderPanel(panel: ChartPanel, left: number): string {
  const x = scaleOf(panel, 'x', [left + MARGIN.left, left + PANEL_WIDTH - MARGIN.right]);
  const bottom = HEADER_HEIGHT + PANEL_HEIGHT - MARGIN.bottom;
  const y = scaleOf(panel, 'y', [bottom, HEADER_HEIGHT + MARGIN.top]);
  const marks = panel.series.map((series, index) => renderSeries(series, index, { x, y }));
  const rules = (panel.rules ?? []).map((rule) => renderRule(rule, { x, y }));
  const legend = panel.series.map((series, index) =>
    renderLegend(series, index, { x: x.place(x.from), y: bottom + 52 }),
  );
  return [
    text({ x: x.place(x.from), y: HEADER_HEIGHT + 18, size: 12 }, panel.title),
    renderAxes(panel, { x, y }),
    ...rules,
    ...marks,
    ...legend,
  ].join('\n');
}

function scaleOf(panel: ChartPanel, axis: 'x' | 'y', pixels: readonly [number, number]): Scale {
  const given = axis === 'x' ? panel.xRange : panel.yRange;
  const values = [
    ...panel.series.flatMap(({ points }) => points.map((point) => point[axis])),
    ...(axis === 'y' ? (panel.rules ?? []).map((rule) => rule.y) : []),
  ].filter((value) => Number.isFinite(value));
  const from = given?.[0] ?? values.reduce((least, value) => Math.min(least, value), 0);
  const largest = values.reduce((most, value) => Math.max(most, value), from);
  const most = given?.[1] ?? (largest > from ? largest : from + 1);
  const step = roundStep((most - from) / TICKS);
  const to = given?.[1] ?? from + step * Math.ceil((most - from) / step - 1e-9);
  return {
    from,
    to,
    step,
    place: (value) => pixels[0] + ((value - from) / (to - from)) * (pixels[1] - pixels[0]),
  };
}

function renderAxes(panel: ChartPanel, { x, y }: { x: Scale; y: Scale }): string {
  const [left, right] = [x.place(x.from), x.place(x.to)];
  const [bottom, top] = [y.place(y.from), y.place(y.to)];
  const parts = [
    `<path d="M${px(left)} ${px(top)}V${px(bottom)}H${px(right)}" fill="none" stroke="#333"/>`,
  ];
  for (const value of ticksOf(x)) {
    parts.push(text({ x: x.place(value), y: bottom + 15, anchor: 'middle' }, tickLabel(value, x)));
  }
  for (const value of ticksOf(y)) {
    parts.push(
      text({ x: left - 6, y: y.place(value) + 4, anchor: 'end' }, tickLabel(value, y)),
      `<path d="M${px(left)} ${px(y.place(value))}H${px(right)}" stroke="#eee"/>`,
    );
  }
  const middle = (left + right) / 2;
  const turned = `transform="rotate(-90 ${px(left - 46)} ${px((top + bottom) / 2)})"`;
  parts.push(
    text({ x: middle, y: bottom + 32, anchor: 'middle' }, panel.xLabel),
    text({ x: left - 46, y: (top + bottom) / 2, anchor: 'middle', extra: turned }, panel.yLabel),
  );
  return parts.join('\n');
}

function renderSeries(series: ChartSeries, index: number, scales: { x: Scale; y: Scale }): string {
  const colour = COLOURS[index % COLOURS.length];
  const places = series.points
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .map(({ x, y }) => ({ x: px(scales.x.place(x)), y: px(scales.y.place(y)) }));
  if (series.kind === 'dots') {
    const filled = index === 0 ? `fill="${colour}" fill-opacity="0.5"` : 'fill="none"';
    const dots = places.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="${DOT_RADIUS}"/>`);
    return `<g ${filled} stroke="${colour}">${dots.join('')}</g>`;
  }
  if (places.length === 0) return '';
  const shown = thinned(places).map(({ x, y }) => `${x} ${y}`);
  const dash = DASHES[index % DASHES.length];
  return `<path d="M${shown.join('L')}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="${dash}"/>`;
}

function thinned<Item>(items: readonly Item[]): readonly Item[] {
  const step = Math.ceil(items.length / MAX_LINE_POINTS);
  return items.filter((_, index) => index % step === 0 || index === items.length - 1);
}

function renderRule(rule: ChartRule, { x, y }: { x: Scale; y: Scale }): string {
  const [left, right, level] = [x.place(x.from), x.place(x.to), y.place(rule.y)];
  return [
    `<path d="M${px(left)} ${px(level)}H${px(right)}" stroke="#333" stroke-dasharray="4 3"/>`,
    text({ x: left + 6, y: level - 5 }, rule.name),
  ].join('\n');
}

function renderLegend(series: ChartSeries, index: number, at: { x: number; y: number }): string {
  const colour = COLOURS[index % COLOURS.length];
  const y = at.y + (index >> 1) * 15;
  const x = at.x + (index % 2) * 190;
  const sample: ChartPoint[] = [
    { x: x + 4, y: y - 4 },
    { x: x + 22, y: y - 4 },
  ];
  const identity: Scale = { from: 0, to: 1, step: 1, place: (value) => value };
  const mark = renderSeries({ ...series, points: sample }, index, { x: identity, y: identity });
  return `${mark}${text({ x: x + 28, y, fill: colour }, series.name)}`;
}

function text(
  place: {
    readonly x: number;
    readonly y: number;
    readonly size?: number;
    readonly anchor?: string;
    readonly fill?: string | undefined;
    readonly extra?: string;
  },
  content: string,
): string {
  const { x, y, size = 11, anchor = 'start', fill = '#222', extra = '' } = place;
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" text-anchor="${anchor}" fill="${fill}" ${extra}>${escapeText(content)}</text>`;
}

function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * (ROUND_STEPS.find((step) => step * power >= size * (1 - 1e-9)) ?? 10);
}

function ticksOf({ from, to, step }: Scale): number[] {
  const count = Math.floor((to - from) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => from + index * step);
}

function tickLabel(value: number, { step }: Scale): string {
  const decimals = Math.max(0, -Math.floor(Math.log10(step)));
  // A step of 0.25 needs one digit more than its size.
  const isQuarter = Math.abs(step * 10 ** decimals - 2.5) < 1e-9;
  return value.toFixed(Math.min(9, decimals + Number(isQuarter)));
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
