/** The scores of all labels for one text of a known label that training had not seen. */
export interface HeldOutScores {
  readonly scores: ArrayLike<number>;
  /** Index of its label. */
  readonly label: number;
}

/** Compares scores with what is typical of each label. */
export interface TypicalScores {
  /** Length of each row; 0 = there is none. */
  readonly lengths: Float64Array;
  /** Label after label, as many rows each as fit evenly, as long as there are labels. */
  readonly rows: Int8Array;
  readonly labels: number;
}

/** Half the gain in telling foreign texts apart comes with one row, the rest with a few. */
const ROWS_PER_LABEL = 8;
/** Their size grows with the square of the labels: then fewer rows each, but at least one. */
const MOST_BYTES = 2 ** 18;
const ROUNDS = 10;
const LARGEST_INT8 = 127;

/**
 * What a foreign text looks like: the weights of its likeness to the training data. Fitted by
 * logistic regression on training rows of Banking77 and CLINC150 with a fifth of the intents left
 * out, the same within their spread for both (docs/students.md).
 */
const LOGIT_WEIGHT = 0.35;
const LIKENESS_WEIGHT = 6.4;
const LEAD_WEIGHT = 3.8;
const MIDDLE = 7;
/** The top probability is no closer to 0 or 1 than this, so that its log-odds stay finite. */
const NEAREST_TO_CERTAIN = 1e-6;

/**
 * Typical scores of each label: the centres of its held-out scores in a few groups (k-means by
 * angle). Which labels come second and third for a text of some label is as telling as its first.
 */
export function findTypicalScores(held: readonly HeldOutScores[], labels: number): Int8Array {
  const perLabel = Math.max(1, Math.min(ROWS_PER_LABEL, Math.floor(MOST_BYTES / labels ** 2)));
  const rows = new Int8Array(perLabel * labels * labels);
  const shapesOf = new Map<number, Float64Array[]>();
  for (const { scores, label } of held) {
    const shapes = shapesOf.get(label) ?? [];
    shapes.push(shapeOf(scores));
    shapesOf.set(label, shapes);
  }
  for (const [label, shapes] of shapesOf) {
    for (const [index, centre] of findCentres(shapes, perLabel).entries()) {
      const largest = centre.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const rounded = centre.map((value) => Math.round((value / (largest || 1)) * LARGEST_INT8));
      rows.set(rounded, (label * perLabel + index) * labels);
    }
  }
  return rows;
}

/** Typical scores as they lie in a student's file. */
export function openTypicalScores(rows: Int8Array, labels: number): TypicalScores {
  const lengths = Float64Array.from({ length: rows.length / labels }, (_, index) =>
    Math.hypot(...rows.subarray(index * labels, (index + 1) * labels)),
  );
  return { rows, labels, lengths };
}

/**
 * How far a text lies from the training data, 0 to 1, from its scores: high where the scores look
 * like none that texts of its most probable label have, or like those of another label. `null`
 * without typical scores of that label.
 */
export function distanceOf(
  scores: ArrayLike<number>,
  best: { readonly label: number; readonly probability: number },
  typical: TypicalScores,
): number | null {
  const { own, other } = likenessOf(shapeOf(scores), best.label, typical);
  if (own === Number.NEGATIVE_INFINITY) return null;
  const probability = Math.max(
    NEAREST_TO_CERTAIN,
    Math.min(1 - NEAREST_TO_CERTAIN, best.probability),
  );
  const lead = other === Number.NEGATIVE_INFINITY ? 0 : own - other;
  const logit = Math.log(probability / (1 - probability));
  const known = LOGIT_WEIGHT * logit + LIKENESS_WEIGHT * own + LEAD_WEIGHT * lead - MIDDLE;
  return 1 / (1 + Math.exp(known));
}

/** Largest cosine to a row of this label, and to one of any other. */
function likenessOf(
  shape: Float64Array,
  label: number,
  { rows, labels, lengths }: TypicalScores,
): { own: number; other: number } {
  const perLabel = lengths.length / labels;
  let own = Number.NEGATIVE_INFINITY;
  let other = Number.NEGATIVE_INFINITY;
  for (const [index, length] of lengths.entries()) {
    if (length === 0) continue;
    const start = index * labels;
    let product = 0;
    for (let each = 0; each < labels; each += 1) {
      product += (rows[start + each] as number) * (shape[each] as number);
    }
    const likeness = product / length;
    if (Math.floor(index / perLabel) === label) own = Math.max(own, likeness);
    else other = Math.max(other, likeness);
  }
  return { own, other };
}

/** Scores without their mean, of length 1: a common shift or stretch says nothing. */
function shapeOf(scores: ArrayLike<number>): Float64Array {
  const shape = Float64Array.from(scores);
  const mean = shape.reduce((sum, score) => sum + score, 0) / shape.length;
  const centred = shape.map((score) => score - mean);
  const length = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0)) || 1;
  return centred.map((value) => value / length);
}

/** Spherical k-means, begun evenly spread over the rows in their order: no chance is involved. */
function findCentres(shapes: readonly Float64Array[], most: number): Float64Array[] {
  const count = Math.min(most, shapes.length);
  let centres = Array.from(
    { length: count },
    (_, index) => shapes[Math.floor((index * shapes.length) / count)] as Float64Array,
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    const sums = centres.map((centre) => new Float64Array(centre.length));
    for (const shape of shapes) {
      const sum = sums[nearest(centres, shape)];
      for (const [index, value] of shape.entries()) sum![index] = (sum![index] ?? 0) + value;
    }
    centres = sums.map((sum, index) => {
      const isEmpty = sum.every((value) => value === 0);
      return isEmpty ? (centres[index] as Float64Array) : shapeOf(sum);
    });
  }
  return centres;
}

/** Of unit vectors: the largest product is the smallest angle. */
function nearest(centres: readonly Float64Array[], shape: Float64Array): number {
  const likenesses = centres.map((centre) =>
    centre.reduce((sum, value, index) => sum + value * (shape[index] ?? 0), 0),
  );
  return likenesses.indexOf(Math.max(...likenesses));
}
