import { z } from "zod";
import { type KeyReference, parseKey } from "./key-reference.ts";
import { choice, count, number, scalar, shown, text } from "./scalars.ts";
import type { Parsed } from "./scalars.ts";

function parseDigest(value: unknown): Parsed<string> {
  const digest = typeof value === "string" ? /^sha256:([0-9a-f]{64})$/.exec(value.trim())?.[1] : undefined;
  if (digest !== undefined) return { value: digest };
  // The text may be a key: it is not repeated in the message.
  return { message: "is no digest of a key", fix: "write sha256: and 64 hexadecimal digits, as `printf %s KEY | sha256sum` gives them" };
}
/** One function reads both forms: what a union says of a value that is neither would repeat it. */
const tenantKey = scalar(
  {
    description: "A tenant's key: its SHA-256, or where the key is. Never the key itself.",
    anyOf: [
      { type: "object", properties: { digest: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" } }, required: ["digest"], additionalProperties: false },
      { type: "string", pattern: String.raw`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$` },
      { type: "object", properties: { env: { type: "string" } }, required: ["env"], additionalProperties: false },
      { type: "object", properties: { file: { type: "string" } }, required: ["file"], additionalProperties: false },
    ],
  },
  (value): Parsed<KeyReference | { readonly digest: string }> => {
    if (typeof value !== "object" || value === null || !("digest" in value)) return parseKey(value);
    const parsed = parseDigest(value.digest);
    return "value" in parsed ? { value: { digest: parsed.value } } : parsed;
  },
);

function parseTimeZone(value: unknown): Parsed<string> {
  const fix = "write an IANA name, as UTC or Europe/Berlin";
  if (typeof value !== "string") return { message: `must be a time zone, not ${shown(value)}`, fix };
  try {
    return { value: new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone };
  } catch {
    return { message: `${shown(value)} is not a time zone`, fix };
  }
}

const budget = z
  .strictObject({
    dollars: number("Dollars per period", { min: 0.000_001, max: 9_000_000, whole: false }),
    per: choice("The period, by the calendar", ["hour", "day", "month"]).prefault("day"),
    timeZone: scalar({ type: "string", description: "Whose midnight ends a day or month" }, parseTimeZone).prefault("UTC"),
    alertPercent: number("Share that raises the alert", { min: 1, max: 100, whole: true }).prefault(80),
    atAlert: choice("From the alert on: only notified, only the cheapest deployments, or only self-hosted ones", [
      "notify",
      "cheapest",
      "self-hosted",
    ]).prefault("notify"),
    atLimit: choice("When it is spent: nothing more, or only self-hosted deployments, which then do not count against it", ["reject", "self-hosted"]).prefault(
      "reject",
    ),
  })
  .meta({ description: "Money" });

const limitFields = {
  requestsPerMinute: count("Requests (of a provider, tier or deployment: attempts) per minute", 1, 100_000_000).optional(),
  tokensPerMinute: count("Tokens per minute, prompt and output together", 1, 100_000_000).optional(),
  concurrency: count("Attempts in flight, per replica", 1, 1_000_000).optional(),
  budget: budget.optional(),
};

export const limitSchema = z
  .strictObject({
    tenant: text("Whom it binds: a tenant").optional(),
    route: text("or a route").optional(),
    provider: text("or all deployments of a provider").optional(),
    tier: text("or all deployments of a tier").optional(),
    deployment: text("or one deployment").optional(),
    ...limitFields,
  })
  .meta({ description: "Limits and budgets of one scope; without a scope, of everything together" });

export const tenantSchema = z
  .strictObject({
    keys: z.array(tenantKey).min(1).meta({ description: "What its callers send as bearer token: by digest, or where the key is" }),
    priority: count("Of its requests; higher goes first", 0, 100).prefault(0),
    weight: count("Of two tenants that both wait, one of weight 2 gets twice the tokens", 1, 1000).prefault(1),
    ...limitFields,
  })
  .meta({ description: "A caller with limits and budgets of its own" });

export type LimitFile = z.output<typeof limitSchema>;

export type LimitFields = Pick<LimitFile, "requestsPerMinute" | "tokensPerMinute" | "concurrency" | "budget">;
