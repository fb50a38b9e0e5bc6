import { Counter, Gauge, Registry } from "prom-client";
import { Tally, type TallySpec } from "./tally.ts";

/** What one process exposes, and how its metrics are made. */
export class MetricSet {
  readonly registry = new Registry();
  readonly #tallies: { rename(): void }[] = [];

  counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  tally<Label extends string>(name: string, help: string, labelNames: readonly Label[], labelsOf: TallySpec<Label>["labelsOf"]): Tally<Label> {
    const tally = new Tally(this.registry, { name, help, labelNames, labelsOf });
    this.#tallies.push(tally);
    return tally;
  }

  /** The tallies' keys stand for something else from now on. */
  rename(): void {
    for (const tally of this.#tallies) tally.rename();
  }
}
