import type { Usage } from "../core/messages.ts";

/** OpenAI's tiers for requests that may be delayed. */
export const isDelayedTier = (tier: string | null): boolean => tier === "flex" || tier === "batch";

/** With what an answer's `service_tier` says of how it was really served, which may differ from what was asked for. */
export function withServedTier(usage: Usage, tier: unknown): Usage {
  return typeof tier === "string" ? { ...usage, delayed: isDelayedTier(tier) } : usage;
}
