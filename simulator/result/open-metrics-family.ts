export type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: string;
  value: number;
  /** Of a histogram: observations at most each bound. */
  readonly buckets: number[];
  sum: number;
  readonly lines: string[][];
}

/** One metric family of the OpenMetrics text format: its series in one block, each in order of time. `mark` writes down what every series holds at an instant. */
export class Family {
  readonly #name: string;
  readonly #type: "counter" | "gauge" | "histogram";
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, type: "counter" | "gauge" | "histogram", help: string, bounds: readonly number[] = []) {
    this.#name = name;
    this.#type = type;
    this.#help = help;
    this.#bounds = bounds;
  }

  add(labels: Labels, amount: number): void {
    this.#of(labels).value += amount;
  }

  set(labels: Labels, value: number): void {
    this.#of(labels).value = value;
  }

  observe(labels: Labels, value: number): void {
    const series = this.#of(labels);
    series.value += 1;
    series.sum += value;
    for (const [place, bound] of this.#bounds.entries()) if (value <= bound) series.buckets[place] = (series.buckets[place] ?? 0) + 1;
  }

  mark(seconds: number): void {
    for (const series of this.#series.values()) {
      for (const [place, [suffix, labels, value]] of this.#samplesOf(series).entries()) {
        (series.lines[place] ??= []).push(`${this.#name}${suffix}${labels === "" ? "" : `{${labels}}`} ${value} ${seconds}\n`);
      }
    }
  }

  /** Empty where nothing was ever told. */
  text(): string {
    if (this.#series.size === 0) return "";
    const head = `# TYPE ${this.#name} ${this.#type}\n# HELP ${this.#name} ${this.#help.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}\n`;
    return head + [...this.#series.values()].flatMap(({ lines }) => lines.flat()).join("");
  }

  #samplesOf({ labels, value, buckets, sum }: Series): readonly (readonly [suffix: string, labels: string, value: number])[] {
    if (this.#type !== "histogram") return [[this.#type === "counter" ? "_total" : "", labels, value]];
    const before = labels === "" ? "" : `${labels},`;
    return [
      ...this.#bounds.map((bound, place) => ["_bucket", `${before}le="${bound}"`, buckets[place] ?? 0] as const),
      ["_bucket", `${before}le="+Inf"`, value],
      ["_sum", labels, sum],
      ["_count", labels, value],
    ];
  }

  #of(labels: Labels): Series {
    const written = Object.entries(labels)
      .map(([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`)
      .join(",");
    const known = this.#series.get(written);
    if (known !== undefined) return known;
    const series: Series = { labels: written, value: 0, buckets: [], sum: 0, lines: [] };
    this.#series.set(written, series);
    return series;
  }
}
