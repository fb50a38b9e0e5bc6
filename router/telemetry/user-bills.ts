/**
 * What the users that callers name have cost. A caller may name as many as it likes, so only the first `usersMax` pairs of tenant and user are kept apart; what comes after them
 * goes to the user `other` of its tenant, and is counted. Requests that name no user are not here: they are in their tenant's bill.
 */
import { Counter, type Registry } from "prom-client";
import type { Account, TenantId } from "../core/messages.ts";
import { Tally } from "./tally.ts";

const labelNames = ["tenant", "user"] as const;
type Labels = Readonly<Record<(typeof labelNames)[number], string>>;

export class UserBills {
  readonly #usersMax: number;
  readonly #tenantName: (tenant: TenantId) => string;
  /** By tenant and user: their place among `known`. */
  readonly #places = new Map<string, number>();
  readonly #known: Labels[] = [];
  readonly #requests: Tally<keyof Labels>;
  readonly #nanoDollars: Tally<keyof Labels>;
  readonly #tokens: Tally<keyof Labels>;
  readonly #overflow: Counter;

  constructor(registry: Registry, tenantName: (tenant: TenantId) => string, usersMax = 1000) {
    this.#usersMax = usersMax;
    this.#tenantName = tenantName;
    const tally = (name: string, help: string): Tally<keyof Labels> =>
      new Tally(registry, { name, help: `${help}, by the user that the caller named`, labelNames, labelsOf: (key) => this.#labelsOf(key) });
    this.#requests = tally("billing_user_requests_total", "Requests that have ended");
    this.#nanoDollars = tally("billing_user_cost_nanodollars_total", "Cost in nano-dollars, exact");
    this.#tokens = tally("billing_user_tokens_total", "Tokens, prompt and output together");
    this.#overflow = new Counter({
      name: "billing_user_overflow_total",
      help: `Requests counted under the user "other", because ${usersMax} users are known`,
      registers: [registry],
    });
  }

  bill(tenant: TenantId, user: string, { nanoDollars, usage }: Account): void {
    const key = this.#keyOf(tenant, user);
    if (key < 0) this.#overflow.inc();
    this.#requests.add(key);
    this.#nanoDollars.add(key, nanoDollars);
    this.#tokens.add(key, usage.input + usage.output);
  }

  /** Below zero: of the tenant's others. */
  #keyOf(tenant: TenantId, user: string): number {
    const pair = `${tenant} ${user}`;
    const place = this.#places.get(pair);
    if (place !== undefined) return place;
    if (this.#known.length >= this.#usersMax) return -1 - tenant;
    this.#places.set(pair, this.#known.length);
    return this.#known.push({ tenant: this.#tenantName(tenant), user }) - 1;
  }

  #labelsOf(key: number): Labels {
    return this.#known[key] ?? { tenant: this.#tenantName((-1 - key) as TenantId), user: "other" };
  }
}
