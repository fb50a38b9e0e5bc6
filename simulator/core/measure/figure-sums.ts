import { costOf } from "../../../router/core/accounting/ledger.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { BaselineSpec } from "./cost-figures.ts";
import { costFigures } from "./cost-figures.ts";
import type { Figures } from "./figures.ts";
import { isGood, type SloSpec } from "./slo.ts";
import { rounded } from "./percentile.ts";
import type { RecordColumns, RecordTable } from "./record-table.ts";
import { type Precision, ValueTally } from "./value-tally.ts";

/** Microseconds. */
export interface Window {
  readonly from: number;
  readonly until: number;
  /** It ends with the last request, which belongs to it; else what comes at its end is outside. */
  readonly hasEnd: boolean;
}

export interface SumsOptions {
  readonly slo?: SloSpec | undefined;
  /** By DeploymentId. */
  readonly rates?: readonly (Rates | null)[];
  readonly baseline?: BaselineSpec | undefined;
}

/** Which requests it is about. */
export type Choose = (columns: RecordColumns, row: number) => boolean;

const served = 0;
const clientLeft = 2;

/** What the figures of one group of requests are made from (their meaning: figures.ts), taken in row by row, so that rows need not be kept. */
export class FigureSums {
  readonly #options: SumsOptions;
  readonly #results = [0, 0, 0, 0, 0];
  readonly #reasons: number[] = [];
  readonly #ttft: ValueTally;
  readonly #tpot: ValueTally;
  readonly #itl: ValueTally;
  readonly #e2e: ValueTally;
  readonly #queue: ValueTally;
  readonly #judgedTtft: ValueTally;
  readonly #judgedE2e: ValueTally;
  #good = 0;
  #inputServed = 0;
  #cachedServed = 0;
  #tokensServed = 0;
  #attempts = 0;
  #tried = 0;
  #nanoDollars = 0;
  #unpriced = 0;
  /** Within the window, whoever they belong to. */
  #endedWithin = 0;
  #tokensWithin = 0;
  #baselinePico = 0;
  #savedPico = 0;

  constructor(options: SumsOptions, precision: Precision) {
    this.#options = options;
    const tally = (): ValueTally => new ValueTally(precision);
    [this.#ttft, this.#tpot, this.#itl, this.#e2e] = [tally(), tally(), tally(), tally()];
    [this.#queue, this.#judgedTtft, this.#judgedE2e] = [tally(), tally(), tally()];
  }

  get scheduled(): number {
    return this.#results.reduce((sum, count) => sum + count, 0);
  }

  /** What the served ones would have cost at the baseline's rates, and what batch rates saved; dollars. */
  get baselineDollars(): number {
    return rounded(this.#baselinePico / 1_000_000_000_000, 9);
  }
  get savedDollars(): number {
    return rounded(this.#savedPico / 1_000_000_000_000, 9);
  }

  /** @param settled only rows that ended up to then */
  take({ columns, rows }: RecordTable, choose: Choose, window: Window, settled: number): void {
    for (let row = 0; row < rows; row += 1) {
      if ((columns.end[row] ?? 0) > settled || !choose(columns, row)) continue;
      this.#takeOutput(columns, row, window);
      if (isWithin(columns.scheduled[row] ?? 0, window)) this.#takeRow(columns, row);
    }
  }

  #takeOutput({ result, first, last, end, outputTokens }: RecordColumns, row: number, window: Window): void {
    const ended = end[row] ?? 0;
    if (result[row] === served && ended >= window.from && ended <= window.until) this.#endedWithin += 1;
    if (!Number.isNaN(first[row])) this.#tokensWithin += (outputTokens[row] ?? 0) * shareWithin(first[row] ?? 0, last[row] ?? 0, window);
  }

  #takeRow(columns: RecordColumns, row: number): void {
    const result = columns.result[row] ?? 0;
    this.#results[result] = (this.#results[result] ?? 0) + 1;
    const why = columns.reason[row] ?? -1;
    if (why >= 0) this.#reasons[why] = (this.#reasons[why] ?? 0) + 1;
    const attempts = columns.attempts[row] ?? 0;
    this.#attempts += attempts;
    if (attempts > 0) this.#tried += 1;
    this.#nanoDollars += columns.nanoDollars[row] ?? 0;
    if (columns.priced[row] === 0) this.#unpriced += 1;
    const { slo } = this.#options;
    if (slo !== undefined && isGood(columns, row, slo)) this.#good += 1;
    this.#takeTimes(columns, row, result);
    if (result === served) this.#takeServed(columns, row);
  }

  #takeTimes({ scheduled, started, first, end }: RecordColumns, row: number, result: number): void {
    const at = scheduled[row] ?? 0;
    const ttft = (first[row] ?? NaN) - at;
    const queued = (started[row] ?? NaN) - at;
    const hasFirst = !Number.isNaN(ttft);
    if (hasFirst) this.#ttft.add(ttft);
    if (!Number.isNaN(queued)) this.#queue.add(queued);
    if (result === clientLeft) return;
    this.#judgedTtft.add(result === served && hasFirst ? ttft : Infinity);
    this.#judgedE2e.add(result === served ? (end[row] ?? 0) - at : Infinity);
  }

  #takeServed(columns: RecordColumns, row: number): void {
    const { scheduled, first, last, end, inputTokens, cachedTokens, outputTokens } = columns;
    const [input, cached, output] = [inputTokens[row] ?? 0, cachedTokens[row] ?? 0, outputTokens[row] ?? 0];
    this.#e2e.add((end[row] ?? 0) - (scheduled[row] ?? 0));
    if (output >= 2 && !Number.isNaN(first[row])) {
      const perToken = ((last[row] ?? 0) - (first[row] ?? 0)) / (output - 1);
      this.#tpot.add(perToken);
      this.#itl.add(perToken, output - 1);
    }
    this.#inputServed += input;
    this.#cachedServed += cached;
    this.#tokensServed += input + output;
    this.#price(columns.deployment[row] ?? -1, { input, cachedRead: cached, cacheWrite: 0, output, reasoning: 0 }, columns.batch[row] === 1);
  }

  #price(deployment: number, usage: Parameters<typeof costOf>[0], isBatch: boolean): void {
    const { baseline, rates = [] } = this.#options;
    if (baseline !== undefined) this.#baselinePico += costOf({ ...usage, cachedRead: 0 }, baseline.rates);
    const card = isBatch ? (rates[deployment] ?? null) : null;
    if (card?.batch !== undefined) this.#savedPico += costOf(usage, card) - costOf(usage, card.batch);
  }

  /** @param reasons by their numbers in the table */
  figures(window: Window, reasons: readonly string[]): Figures {
    const [served = 0, cut = 0, clientLeft = 0, failed = 0, rejected = 0] = this.#results;
    const { scheduled } = this;
    const seconds = (window.until - window.from) / 1_000_000;
    const perSecond = (count: number): number | null => (seconds > 0 ? rounded(count / seconds, 3) : null);
    const good = { good: this.#good, percent: rounded((100 * this.#good) / scheduled, 6), perSecond: perSecond(this.#good) };
    return {
      requests: { scheduled, served, cut, clientLeft, failed, rejected, reasons: this.#reasonsBy(reasons) },
      ttftMs: this.#ttft.distribution(),
      tpotMs: this.#tpot.distribution(),
      itlMs: this.#itl.weightedDistribution(),
      e2eMs: this.#e2e.distribution(),
      queueMs: this.#queue.distribution(),
      judged: { ttftMs: this.#judgedTtft.percentiles(), e2eMs: this.#judgedE2e.percentiles() },
      goodput: this.#options.slo === undefined || scheduled === 0 ? null : good,
      cachedTokenPercent: this.#inputServed === 0 ? null : rounded((100 * this.#cachedServed) / this.#inputServed, 3),
      requestsPerSecond: perSecond(this.#endedWithin),
      outputTokensPerSecond: perSecond(this.#tokensWithin),
      attempts: this.#attempts,
      retries: this.#attempts - this.#tried,
      amplification: this.#tried === 0 ? null : rounded(this.#attempts / this.#tried, 6),
      cost: costFigures({ nanoDollars: this.#nanoDollars, unpriced: this.#unpriced, served, tokensServed: this.#tokensServed }),
    };
  }

  #reasonsBy(names: readonly string[]): Readonly<Record<string, number>> {
    const named = names.map((name, place): [string, number] => [name, this.#reasons[place] ?? 0]).filter(([, count]) => count > 0);
    return Object.fromEntries(named.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }
}

const isWithin = (at: number, { from, until, hasEnd }: Window): boolean => at >= from && (at < until || (hasEnd && at === until));

function shareWithin(first: number, last: number, window: Window): number {
  if (last <= first) return first >= window.from && first <= window.until ? 1 : 0;
  return Math.max(0, Math.min(last, window.until) - Math.max(first, window.from)) / (last - first);
}
