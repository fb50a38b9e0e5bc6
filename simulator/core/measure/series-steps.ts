import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Duration } from "../../../router/core/machine.ts";
import type { RecordTable } from "./record-table.ts";
import { type Precision, ValueTally } from "./value-tally.ts";

/** Of a step: so many times are kept, then percentiles are 1.6 % off at most. */
const inStep: Precision = { exactMax: 65_536, bits: 5 };

export interface SeriesStep {
  arrived: number;
  readonly results: number[];
  readonly ttft: ValueTally;
  readonly e2e: ValueTally;
  outputTokens: number;
  nanoDollars: number;
}

/** What was scheduled and what ended in each step, as a whole and by deployment, taken in row by row. */
export class SeriesSteps {
  readonly #every: Duration;
  /** By scope: the whole, then by DeploymentId. */
  readonly #steps: readonly Map<number, SeriesStep>[];
  #lastEnd = -1;

  constructor({ deployments }: CompiledConfig, every: Duration) {
    this.#every = every;
    this.#steps = [null, ...deployments].map(() => new Map<number, SeriesStep>());
  }

  get count(): number {
    return this.#lastEnd < 0 ? 0 : Math.floor(this.#lastEnd / this.#every) + 1;
  }

  stepOf(scope: number, place: number): SeriesStep | undefined {
    return this.#steps[scope]?.get(place);
  }

  /** @param settled only rows that ended up to then */
  take({ columns, rows }: RecordTable, settled: number): void {
    for (let row = 0; row < rows; row += 1) {
      const end = columns.end[row] ?? 0;
      if (end > settled) continue;
      this.#lastEnd = Math.max(this.#lastEnd, end);
      this.#takeRow(this.#steps[0], columns, row);
      const deployment = columns.deployment[row] ?? -1;
      if (deployment >= 0) this.#takeRow(this.#steps[1 + deployment], columns, row);
    }
  }

  #takeRow(steps: Map<number, SeriesStep> | undefined, columns: RecordTable["columns"], row: number): void {
    if (steps === undefined) return;
    const scheduled = columns.scheduled[row] ?? 0;
    const end = columns.end[row] ?? 0;
    const first = columns.first[row] ?? NaN;
    const result = columns.result[row] ?? 0;
    const arrival = stepAt(steps, Math.floor(scheduled / this.#every));
    const ending = stepAt(steps, Math.floor(end / this.#every));
    arrival.arrived += 1;
    if (!Number.isNaN(first)) arrival.ttft.add(first - scheduled);
    ending.results[result] = (ending.results[result] ?? 0) + 1;
    if (result === 0) ending.e2e.add(end - scheduled);
    ending.outputTokens += columns.outputTokens[row] ?? 0;
    ending.nanoDollars += columns.nanoDollars[row] ?? 0;
  }
}

function stepAt(steps: Map<number, SeriesStep>, place: number): SeriesStep {
  const known = steps.get(place);
  if (known !== undefined) return known;
  const step: SeriesStep = { arrived: 0, results: [0, 0, 0, 0, 0], ttft: new ValueTally(inStep), e2e: new ValueTally(inStep), outputTokens: 0, nanoDollars: 0 };
  steps.set(place, step);
  return step;
}
