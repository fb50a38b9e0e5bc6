/**
 * The request contract: what a caller may say to the router itself, in the body, in `metadata`, or in a header; the first of these that is given counts, in this
 * order. None of it reaches a provider. docs/request-contract.md is made from this table.
 */
export interface ContractField {
  readonly name: AskName;
  readonly body: string | null;
  readonly metadata: string | null;
  readonly header: string;
  readonly form: AskForm;
  readonly default: string;
  /** What it does. */
  readonly effect: string;
}

export type AskName =
  | "strategy"
  | "priority"
  | "tags"
  | "tagMatch"
  | "region"
  | "residency"
  | "maxLatencyMs"
  | "costBudget"
  | "qualityThreshold"
  | "costPreference"
  | "latencyRequirement"
  | "urgency"
  | "idempotencyKey"
  | "user";

export type AskForm =
  | { readonly kind: "text"; readonly lengthMax: number }
  /** `words` stand for numbers; null: for the default. */
  | { readonly kind: "number"; readonly min: number; readonly max: number; readonly words?: Readonly<Record<string, number | null>> }
  | { readonly kind: "list" }
  | { readonly kind: "choice"; readonly of: readonly string[] };

const recorded = "**recorded only**, in the decision log: ";
const name: AskForm = { kind: "text", lengthMax: 256 };

export const requestContract: readonly ContractField[] = [
  {
    name: "strategy",
    body: "routing_strategy",
    metadata: "routing_strategy",
    header: "x-headgate-strategy",
    form: name,
    default: "the route's",
    effect:
      "one of weighted, least-busy, round-robin, power-of-two, usage-based, latency-based, cost-based: chooses this request's endpoint; prefix-affinity and adaptive only where the route has them. Any other name, also those of decision trees (auto, fast, ...), is **recorded only**, in the decision log; `x-headgate-strategy` of the answer says what was used",
  },
  {
    name: "priority",
    body: "priority",
    metadata: "priority",
    header: "x-headgate-priority",
    form: { kind: "number", min: 0, max: 100, words: { low: 0, normal: null, high: 100 } },
    default: "the tenant's",
    effect: "place in the queue, higher first; never above the tenant's own where tenants are configured",
  },
  {
    name: "tags",
    body: "tags",
    metadata: "tags",
    header: "x-headgate-tags",
    form: { kind: "list" },
    default: "none",
    effect: "only deployments with these tags; at most 32",
  },
  {
    name: "tagMatch",
    body: "tags_match",
    metadata: "tags_match",
    header: "x-headgate-tags-match",
    form: { kind: "choice", of: ["any", "all"] },
    default: "any",
    effect: "whether one of the tags will do",
  },
  {
    name: "region",
    body: "region",
    metadata: "region",
    header: "x-headgate-region",
    form: name,
    default: "none",
    effect: "preferred region",
  },
  {
    name: "residency",
    body: "residency",
    metadata: "residency",
    header: "x-headgate-residency",
    form: name,
    default: "anywhere",
    effect: "only region in which it may be answered, never relaxed",
  },
  {
    name: "maxLatencyMs",
    body: "max_latency_ms",
    metadata: "max_latency_ms",
    header: "x-headgate-max-latency-ms",
    form: { kind: "number", min: 1, max: 86_400_000 },
    default: "none",
    effect: "deadline of the whole request: what cannot be answered in time is told so, and nothing is begun that could not end before it",
  },
  {
    name: "costBudget",
    body: "cost_budget",
    metadata: "cost_budget",
    header: "x-headgate-cost-budget",
    form: { kind: "number", min: 0, max: 1_000_000 },
    default: "none",
    effect:
      "dollars, all attempts together: deployments that could cost more, by the estimated prompt and the whole of the output that is allowed, of all answers (`n`, `best_of`) together, are left out; when none is left, the route's budget fallbacks, else 400 `cost_budget_too_small`. A deployment without a price is left out only with `unknownPrice: refuse`. The route's `realtimeCostLimitUsd` says the same for all its requests but those of the tiers flex and batch; the smaller of the two counts",
  },
  {
    name: "qualityThreshold",
    body: "quality_threshold",
    metadata: "quality_threshold",
    header: "x-headgate-quality-threshold",
    form: { kind: "number", min: 0, max: 1 },
    default: "none",
    effect:
      "only deployments with at least this `quality`, never relaxed, by fallbacks neither; one whose quality is not known does not have it. When none is left, the route's fallbacks, else 400 `quality_not_available`",
  },
  {
    name: "costPreference",
    body: "cost_preference",
    metadata: "cost_preference",
    header: "x-headgate-cost-preference",
    form: name,
    default: "balanced",
    effect: `\`lowest\`: strategy cost-based, where neither a strategy nor \`latency_requirement: lowest\` is asked for. Any other word is ${recorded}decision trees would read it, and there are none yet`,
  },
  {
    name: "latencyRequirement",
    body: "latency_requirement",
    metadata: "latency_requirement",
    header: "x-headgate-latency-requirement",
    form: name,
    default: "normal",
    effect: `\`lowest\`: strategy latency-based, where no strategy is asked for. Any other word is ${recorded}decision trees would read it, and there are none yet`,
  },
  {
    name: "urgency",
    body: "urgency",
    metadata: "urgency",
    header: "x-headgate-urgency",
    form: name,
    default: "none",
    effect: `${recorded}what is not urgent is to be gathered into batches, which does not happen yet. \`priority\`, \`max_latency_ms\` and \`service_tier: flex\` act`,
  },
  {
    name: "idempotencyKey",
    body: "idempotency_key",
    metadata: "idempotency_key",
    header: "idempotency-key",
    form: name,
    default: "none",
    effect: `${recorded}a request that comes again with its key is answered, and paid for, again`,
  },
  {
    name: "user",
    body: null,
    metadata: "headgate_user",
    header: "x-headgate-user",
    form: name,
    default: "none",
    effect: "recorded in the decision log, and billed apart in the metrics; the body's own `user` is the provider's field, and passes",
  },
];

export const contractBodyFields: readonly string[] = requestContract.flatMap(({ body }) => body ?? []);
export const contractMetadataFields: ReadonlySet<string> = new Set(requestContract.flatMap(({ metadata }) => metadata ?? []));
