import { owned } from "../owned-text.ts";

/** How the load is spread over tenants. */
export interface TenantFigures {
  readonly tenants: number;
  /** Share of the rows that the top tenants send. */
  readonly top_share: Readonly<Record<"1" | "5" | "10" | "20", number>>;
  readonly gini: number;
  /** How many tenants send so many percent of the rows. */
  readonly tenants_for: Readonly<Record<"50" | "80" | "90", number>>;
  /** Up to 20, the largest first. */
  readonly largest: readonly { readonly name: string; readonly rows: number }[];
  readonly exact: boolean;
}

const namesMax = 500_000;

export class TenantCounts {
  readonly #counts = new Map<string, number>();
  #rows = 0;
  #others = 0;

  add(name: string): void {
    this.#rows += 1;
    const count = this.#counts.get(name);
    if (count === undefined && this.#counts.size >= namesMax) this.#others += 1;
    else this.#counts.set(count === undefined ? owned(name) : name, (count ?? 0) + 1);
  }

  figures(): TenantFigures | null {
    if (this.#rows === 0) return null;
    const sorted = [...this.#counts].toSorted(([nameOne, one], [nameOther, other]) => other - one || (nameOne < nameOther ? -1 : 1));
    const upTo: number[] = [];
    let sum = 0;
    for (const [, count] of sorted) upTo.push((sum += count));
    const share = (top: number): number => (upTo[Math.min(top, upTo.length) - 1] ?? 0) / this.#rows;
    const needed = (percent: number): number => 1 + upTo.findIndex((count) => count * 100 >= percent * sum);
    return {
      tenants: sorted.length,
      top_share: { "1": share(1), "5": share(5), "10": share(10), "20": share(20) },
      gini: giniOf(sorted.map(([, count]) => count)),
      tenants_for: { "50": needed(50), "80": needed(80), "90": needed(90) },
      largest: sorted.slice(0, 20).map(([name, rows]) => ({ name, rows })),
      exact: this.#others === 0,
    };
  }
}

/** @param descending counts */
function giniOf(descending: readonly number[]): number {
  let weighted = 0;
  let sum = 0;
  for (const [place, count] of descending.entries()) {
    weighted += (descending.length - place) * count;
    sum += count;
  }
  return sum === 0 ? 0 : (2 * weighted) / (descending.length * sum) - (descending.length + 1) / descending.length;
}
