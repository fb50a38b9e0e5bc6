import type { PriceTier } from "../core/accounting/rates.ts";
import type { Usage } from "../core/messages.ts";

/**
 * What OpenAI's and Anthropic's names of service tiers mean for the price; `fast` is another word for `priority` (OpenAI). Any other (`auto`, `default`, `standard`): the usual one.
 */
const tiers: Readonly<Record<string, PriceTier>> = {
  flex: "delayed",
  batch: "delayed",
  priority: "priority",
  fast: "priority",
  // Bought in advance, or priced nowhere that is known.
  scale: "unlisted",
  ultrafast: "unlisted",
};

export const tierNamed = (name: unknown): PriceTier => (typeof name === "string" && Object.hasOwn(tiers, name) ? (tiers[name] ?? "usual") : "usual");

/** With what an answer's `service_tier` says of how it was really served, which may differ from what was asked for. @param asked the caller has named a tier */
export function withServedTier(usage: Usage, name: unknown, asked: boolean): Usage {
  if (typeof name !== "string") return usage;
  const tier = tierNamed(name);
  return tier === "usual" && !asked ? usage : { ...usage, tier };
}

const key = Buffer.from('"service_tier"');
const usual = /^\s*:\s*(?:null|"(?:auto|default)")/;

/** Whether a plain answer may say that it was served in another tier than the usual one, though nobody asked for it: a project's settings may. */
export function mayBeUnusual(body: Buffer): boolean {
  const at = body.indexOf(key);
  return at >= 0 && !usual.test(body.toString("latin1", at + key.length, at + key.length + 24));
}
