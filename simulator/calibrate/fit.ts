/** Small fits without libraries: non-decreasing curves and non-negative least squares. */

/** The nearest non-decreasing values (pool adjacent violators). */
export function nonDecreasing(values: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.count > pool.sum / pool.count; last = pools.at(-1)) {
      pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
}

/** Coefficients >= 0 that bring sum(coefficient x column) nearest to the target, each row in proportion to its weight. Coordinate descent on the normal equations. */
export function nonNegativeFit(rows: readonly (readonly number[])[], target: readonly number[], weights: readonly number[]): number[] {
  const { products, answers } = normalEquations(rows, target, weights);
  const coefficients = answers.map(() => 0);
  for (let round = 0; round < 100_000; round++) {
    let change = 0;
    for (const [column, row] of products.entries()) {
      const norm = row[column] ?? 0;
      if (norm === 0) continue;
      const old = coefficients[column] ?? 0;
      const slope = row.reduce((rest, product, other) => rest - product * (coefficients[other] ?? 0), answers[column] ?? 0);
      const next = Math.max(0, old + slope / norm);
      coefficients[column] = next;
      change = Math.max(change, Math.abs(next - old) / Math.max(1e-12, Math.abs(next)));
    }
    if (change < 1e-10) break;
  }
  return coefficients;
}

function normalEquations(rows: readonly (readonly number[])[], target: readonly number[], weights: readonly number[]) {
  const columns = rows[0]?.length ?? 0;
  const products = Array.from({ length: columns }, () => new Float64Array(columns));
  const answers = Array.from({ length: columns }, () => 0);
  for (const [index, row] of rows.entries()) {
    const square = (weights[index] ?? 0) ** 2;
    for (const [column, value] of row.entries()) {
      const line = products[column] ?? new Float64Array();
      answers[column] = (answers[column] ?? 0) + square * value * (target[index] ?? 0);
      for (const [other, factor] of row.entries()) line[other] = (line[other] ?? 0) + square * value * factor;
    }
  }
  return { products, answers };
}

export const meanAbsolutePercent = (pairs: readonly (readonly [actual: number, predicted: number])[]): number =>
  (100 * pairs.reduce((sum, [actual, predicted]) => sum + Math.abs(predicted / actual - 1), 0)) / Math.max(1, pairs.length);

export const rounded = (value: number, digits = 5): number => Number(value.toPrecision(digits));
