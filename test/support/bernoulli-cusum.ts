/**
 * The best sequential test there is for a failure rate that jumps from `normal` to a known `failing`: Page's cumulative sum of likelihood ratios. No test with as
 * few false alarms finds the change sooner in the worst case (Moustakides 1986, exactly). On failures and successes it is S = max(0, S + m - 1) after a failure and max(0, S - 1)
 * after a success, with 1/m the share of failures at which both hypotheses weigh alike (Reynolds and Stoumbos 1999; m is rounded to a whole number). S is then a Markov chain on 0..limit,
 * and the mean number of outcomes to the alarm is a set of linear equations: no simulation, no approximation.
 */
export interface BernoulliCusum {
  readonly step: number;
  readonly limit: number;
}

function stepOf(normal: number, failing: number): number {
  const perSuccess = Math.log((1 - normal) / (1 - Math.min(failing, 0.999999)));
  const perFailure = Math.log(failing / normal);
  return Math.max(2, Math.round((perFailure + perSuccess) / perSuccess));
}

/** Mean outcomes to the alarm, from a sum of 0. */
export function outcomesToAlarm({ step, limit }: BernoulliCusum, rate: number): number {
  // mean[s] = 1 + rate x mean[s + step - 1] + (1 - rate) x mean[max(0, s - 1)], mean[s >= limit] = 0.
  // Written as mean[s] = offset[s] + slope[s] x mean[s - 1], solved from the top down: what lies above s is by then known in terms of mean[s].
  const size = limit;
  const matrix = Array.from({ length: size }, () => new Float64Array(size + 1));
  matrix.forEach((row, state) => {
    row[state] = (row[state] ?? 0) + 1;
    row[size] = 1;
    const up = state + step - 1;
    if (up < size) row[up] = (row[up] ?? 0) - rate;
    const down = Math.max(0, state - 1);
    row[down] = (row[down] ?? 0) - (1 - rate);
  });
  eliminate(matrix);
  return (matrix[0]?.[size] ?? 0) / (matrix[0]?.[0] ?? 1);
}

/** From the last column to the first, so that the first row is left with its own unknown. */
function eliminate(matrix: readonly Float64Array[]): void {
  const size = matrix.length;
  for (let column = size - 1; column > 0; column -= 1) {
    const pivot = matrix[column];
    if (pivot === undefined) continue;
    for (let row = 0; row < column; row += 1) {
      const target = matrix[row];
      const factor = (target?.[column] ?? 0) / (pivot[column] ?? 1);
      if (target === undefined || factor === 0) continue;
      for (let place = 0; place <= size; place += 1) target[place] = (target[place] ?? 0) - factor * (pivot[place] ?? 0);
    }
  }
}

/** The best test with at most one false alarm in `outcomes`, or, where no limit gives exactly that, the quickest of those with at most so many more as the limit's step leaves. */
export function bestTest(normal: number, failing: number, outcomesPerFalseAlarm: number): BernoulliCusum {
  const step = stepOf(normal, failing);
  let limit = step - 1;
  while (outcomesToAlarm({ step, limit }, normal) < outcomesPerFalseAlarm) limit += 1;
  return { step, limit };
}
