/** P(correct) = 1 / (1 + exp(−(intercept + Σ weight × input))). */
export interface LogisticModel {
  readonly intercept: number;
  /** One per input, in the inputs' own units. */
  readonly weights: readonly number[];
}

export interface LogisticRow {
  /** Finite numbers, the same count in every row. */
  readonly inputs: readonly number[];
  readonly isCorrect: boolean;
}

/** Newton's method doubles its digits each step; more than this means it circles on rounding. */
const MAX_STEPS = 40;

/** Step in log-odds below which nothing that is shown changes. */
const CONVERGED = 1e-8;

/** Weight of the prior "this input tells nothing", in rows: keeps separable data finite. */
const PRIOR_ROWS = 1;

interface Standardised {
  readonly means: readonly number[];
  readonly scales: readonly number[];
  /** Row after row: 1, then the standardised inputs. */
  readonly table: Float64Array;
  readonly width: number;
  readonly targets: Float64Array;
}

/**
 * Fits by penalised maximum likelihood (Newton's method on standardised inputs). The targets are
 * pulled in as Platt (1999) does, so that no sample, however one-sided, yields a certainty.
 *
 * @throws RangeError without rows.
 */
export function fitLogistic(rows: readonly LogisticRow[]): LogisticModel {
  if (rows.length === 0) throw new RangeError('A logistic model needs at least one row.');
  const data = standardise(rows);
  const parameters = new Float64Array(data.width);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const change = newtonStep(data, parameters);
    // Far from the optimum a full step may overshoot; no honest log-odds moves by more than this.
    const largest = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const damping = largest > 4 ? 4 / largest : 1;
    for (const [index, value] of change.entries()) {
      parameters[index] = (parameters[index] ?? 0) + damping * value;
    }
    if (largest < CONVERGED) break;
  }
  return unstandardise(data, parameters);
}

/** The probability that the model gives; strictly between 0 and 1 within a double's reach. */
export function predictLogistic(model: LogisticModel, inputs: readonly number[]): number {
  let logOdds = model.intercept;
  for (const [index, weight] of model.weights.entries()) logOdds += weight * (inputs[index] ?? 0);
  return sigmoid(logOdds);
}

export function sigmoid(logOdds: number): number {
  return logOdds >= 0 ? 1 / (1 + Math.exp(-logOdds)) : Math.exp(logOdds) / (1 + Math.exp(logOdds));
}

function standardise(rows: readonly LogisticRow[]): Standardised {
  const inputs = rows[0]?.inputs.length ?? 0;
  const width = inputs + 1;
  const means = Array.from({ length: inputs }, (_, column) => meanOf(rows, column));
  const scales = means.map((mean, column) => scaleOf(rows, column, mean));
  const rights = rows.reduce((count, row) => count + Number(row.isCorrect), 0);
  const high = (rights + 1) / (rights + 2);
  const low = 1 / (rows.length - rights + 2);
  const table = new Float64Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    table[index * width] = 1;
    for (const [column, mean] of means.entries()) {
      const value = ((row.inputs[column] ?? 0) - mean) / (scales[column] ?? 1);
      table[index * width + column + 1] = value;
    }
  }
  const targets = Float64Array.from(rows, (row) => (row.isCorrect ? high : low));
  return { means, scales, table, width, targets };
}

function meanOf(rows: readonly LogisticRow[], column: number): number {
  return rows.reduce((sum, row) => sum + (row.inputs[column] ?? 0), 0) / rows.length;
}

/** A constant input tells nothing: any scale will do. */
function scaleOf(rows: readonly LogisticRow[], column: number, mean: number): number {
  const squares = rows.reduce((sum, row) => sum + ((row.inputs[column] ?? 0) - mean) ** 2, 0);
  return Math.sqrt(squares / rows.length) || 1;
}

function newtonStep(data: Standardised, parameters: Float64Array): Float64Array {
  const { table, width, targets } = data;
  const gradient = new Float64Array(width);
  const curvature = new Float64Array(width * width);
  for (let row = 0; row < targets.length; row += 1) {
    const start = row * width;
    let logOdds = 0;
    for (let i = 0; i < width; i += 1) logOdds += (table[start + i] ?? 0) * (parameters[i] ?? 0);
    const probability = sigmoid(logOdds);
    const error = (targets[row] ?? 0) - probability;
    const weight = probability * (1 - probability);
    for (let i = 0; i < width; i += 1) {
      const value = table[start + i] ?? 0;
      gradient[i] = (gradient[i] ?? 0) + error * value;
      for (let j = 0; j <= i; j += 1) {
        const cell = i * width + j;
        curvature[cell] = (curvature[cell] ?? 0) + weight * value * (table[start + j] ?? 0);
      }
    }
  }
  for (let i = 0; i < width; i += 1) {
    // The intercept has almost no prior: only enough to keep the matrix regular.
    const prior = i === 0 ? 1e-9 : PRIOR_ROWS;
    gradient[i] = (gradient[i] ?? 0) - prior * (parameters[i] ?? 0);
    curvature[i * width + i] = (curvature[i * width + i] ?? 0) + prior;
  }
  return solve(curvature, gradient);
}

/** Solves a symmetric positive definite system, of which the lower half is given (Cholesky). */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const at = (row: number, column: number): number => matrix[row * size + column] ?? 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = at(i, j);
      for (let k = 0; k < j; k += 1) sum -= at(i, k) * at(j, k);
      matrix[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(j, j);
    }
  }
  const result = Float64Array.from(right);
  for (let i = 0; i < size; i += 1) {
    for (let k = 0; k < i; k += 1) result[i] = (result[i] ?? 0) - at(i, k) * (result[k] ?? 0);
    result[i] = (result[i] ?? 0) / at(i, i);
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < size; k += 1) {
      result[i] = (result[i] ?? 0) - at(k, i) * (result[k] ?? 0);
    }
    result[i] = (result[i] ?? 0) / at(i, i);
  }
  return result;
}

function unstandardise(data: Standardised, parameters: Float64Array): LogisticModel {
  const weights = data.scales.map((scale, column) => (parameters[column + 1] ?? 0) / scale);
  const shift = weights.reduce(
    (sum, weight, column) => sum + weight * (data.means[column] ?? 0),
    0,
  );
  return { intercept: (parameters[0] ?? 0) - shift, weights };
}
