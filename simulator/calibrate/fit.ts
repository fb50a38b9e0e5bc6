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

/** Coefficients >= 0 that bring sum(coefficient x column) nearest to the target, each row in proportion to its weight. Coordinate descent. */
export function nonNegativeFit(rows: readonly (readonly number[])[], target: readonly number[], weights: readonly number[]): number[] {
  const columns = rows[0]?.length ?? 0;
  const coefficients = Array.from({ length: columns }, () => 0);
  const rest = [...target];
  const squares = rows.map((_, index) => (weights[index] ?? 0) ** 2);
  const norms = coefficients.map((_, column) => rows.reduce((sum, row, index) => sum + ((row[column] ?? 0) * (weights[index] ?? 0)) ** 2, 0));
  for (let round = 0; round < 20_000; round++) {
    let change = 0;
    for (let column = 0; column < columns; column++) {
      if (norms[column] === 0) continue;
      const slope = slopeOf(rows, column, rest, squares);
      const old = coefficients[column] ?? 0;
      const next = Math.max(0, old + slope / (norms[column] ?? 1));
      if (next === old) continue;
      coefficients[column] = next;
      for (const [index, row] of rows.entries()) rest[index] = (rest[index] ?? 0) - (next - old) * (row[column] ?? 0);
      change = Math.max(change, Math.abs(next - old) / Math.max(1e-12, Math.abs(next)));
    }
    if (change < 1e-9) break;
  }
  return coefficients;
}

function slopeOf(rows: readonly (readonly number[])[], column: number, rest: readonly number[], squares: readonly number[]): number {
  let slope = 0;
  for (const [index, row] of rows.entries()) slope += (row[column] ?? 0) * (rest[index] ?? 0) * (squares[index] ?? 0);
  return slope;
}

export const meanAbsolutePercent = (pairs: readonly (readonly [actual: number, predicted: number])[]): number =>
  (100 * pairs.reduce((sum, [actual, predicted]) => sum + Math.abs(predicted / actual - 1), 0)) / Math.max(1, pairs.length);

export const rounded = (value: number, digits = 5): number => Number(value.toPrecision(digits));
