import { Counter, type LabelValues, type Registry } from "prom-client";

type Labels<Label extends string> = Readonly<Record<Label, string>>;

export interface TallyCell {
  /** Since the last scrape. */
  count: number;
}

interface Cell<Label extends string> extends TallyCell {
  readonly labels: Labels<Label>;
}

export interface TallySpec<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  /** What a key stands for; asked once per key. */
  readonly labelsOf: (key: number) => Labels<Label>;
}

/** A counter on the request path: an addition under an integer key, told to Prometheus' counter when it is scraped. */
export class Tally<Label extends string> {
  readonly #labelsOf: (key: number) => Labels<Label>;
  readonly #cells = new Map<number, Cell<Label>>();
  readonly #counter: Counter<Label>;

  constructor(registry: Registry, { name, help, labelNames, labelsOf }: TallySpec<Label>) {
    this.#labelsOf = labelsOf;
    const collect = (): void => this.#collect();
    this.#counter = new Counter<Label>({ name, help, labelNames: [...labelNames], registers: [registry], collect });
  }

  #collect(): void {
    for (const cell of this.#cells.values()) {
      this.#counter.inc(cell.labels as LabelValues<Label>, cell.count);
      cell.count = 0;
    }
  }

  /** Keys stand for something else from now on. */
  rename(): void {
    this.#collect();
    this.#cells.clear();
  }

  add(key: number, count = 1): void {
    this.cell(key).count += count;
  }

  /** Good until the next `rename`. */
  cell(key: number): TallyCell {
    let cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, (cell = { labels: this.#labelsOf(key), count: 0 }));
    return cell;
  }
}
