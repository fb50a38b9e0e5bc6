import type { Counter } from "prom-client";
import type { Account, TenantId } from "../core/messages.ts";
import { type BillLabels, type MetricLabels, splitKey } from "./metric-labels.ts";
import type { MetricSet } from "./metric-set.ts";
import type { Tally, TallyCell } from "./tally.ts";
import { UserBills } from "./user-bills.ts";

const perAccount = ["tenant", "route", "route_tier", "provider", "deployment", "model"] as const satisfies readonly (keyof BillLabels)[];
const tokenKinds = ["input", "output", "cached", "reasoning"] as const;

interface BillCells {
  readonly dollars: TallyCell;
  readonly nanoDollars: TallyCell;
  readonly input: TallyCell;
  readonly output: TallyCell;
}

/** What requests have used and cost, by tenant and by where they were served. */
export class BillingMetrics {
  readonly #labels: MetricLabels;
  readonly #costDollars: Tally<keyof BillLabels>;
  readonly #costNano: Tally<keyof BillLabels>;
  readonly #tokens: Tally<keyof BillLabels | "kind">;
  readonly #unpriced: Counter<"route" | "deployment">;
  readonly #estimated: Counter<"route" | "deployment">;
  readonly #users: UserBills;
  /** What nearly every request adds to, found with one look. */
  readonly #cells = new Map<number, BillCells>();

  constructor(metrics: MetricSet, labels: MetricLabels) {
    this.#labels = labels;
    const bills = (name: string, help: string): Tally<keyof BillLabels> => metrics.tally(name, help, perAccount, (key) => labels.billOf(key));
    this.#costDollars = bills("billing_cost_total", "Cost in dollars; tokens of unknown price are not in it");
    this.#costNano = bills("billing_cost_nanodollars_total", "Cost in nano-dollars, exact");
    this.#tokens = metrics.tally(
      "billing_tokens_total",
      "Tokens, by kind; cached and reasoning tokens are counted within input and output",
      [...perAccount, "kind"],
      (key) => {
        const [bill, kind] = splitKey(key, tokenKinds.length);
        return { ...labels.billOf(bill), kind: tokenKinds[kind] ?? "none" };
      },
    );
    this.#unpriced = metrics.counter("billing_unpriced_requests_total", "Requests with tokens of unknown price", ["route", "deployment"]);
    this.#estimated = metrics.counter("billing_estimated_requests_total", "Requests whose usage is partly estimated", ["route", "deployment"]);
    this.#users = new UserBills(metrics.registry, (tenant) => labels.tenantName(tenant));
  }

  /** The tallies have been renamed. */
  configure(): void {
    this.#cells.clear();
  }

  /** @param place a route and a deployment, as MetricLabels makes them one
   *  @param user whom the caller named as its user; null: nobody */
  bill(place: number, tenant: TenantId, user: string | null, account: Account): void {
    this.#billPlace(place, tenant, account);
    if (user !== null) this.#users.bill(tenant, user, account);
  }

  #billPlace(place: number, tenant: TenantId, account: Account): void {
    const { usage, nanoDollars } = account;
    if (usage.input === 0 && usage.output === 0) return;
    const bill = this.#labels.billKey(tenant, place);
    const tokens = bill * tokenKinds.length;
    const cells = this.#cellsOf(bill);
    cells.dollars.count += nanoDollars / 1e9;
    cells.nanoDollars.count += nanoDollars;
    cells.input.count += usage.input;
    cells.output.count += usage.output;
    if (usage.cachedRead > 0) this.#tokens.add(tokens + 2, usage.cachedRead);
    if (usage.reasoning > 0) this.#tokens.add(tokens + 3, usage.reasoning);
    if (account.priced && !account.estimated) return;
    const { route, deployment } = this.#labels.placeOf(place);
    if (!account.priced) this.#unpriced.inc({ route, deployment });
    if (account.estimated) this.#estimated.inc({ route, deployment });
  }

  #cellsOf(bill: number): BillCells {
    let cells = this.#cells.get(bill);
    if (cells === undefined) {
      const tokens = bill * tokenKinds.length;
      cells = {
        dollars: this.#costDollars.cell(bill),
        nanoDollars: this.#costNano.cell(bill),
        input: this.#tokens.cell(tokens),
        output: this.#tokens.cell(tokens + 1),
      };
      this.#cells.set(bill, cells);
    }
    return cells;
  }
}
