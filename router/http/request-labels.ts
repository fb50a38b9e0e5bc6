import type { CompiledConfig } from "../core/compiled-config.ts";
import { type RouteRequest, unknownName } from "../core/messages.ts";
import type { Asks } from "./read-asks.ts";

export type RequestLabels = Pick<RouteRequest, "tags" | "tagMatch" | "region" | "residency">;

/** Where a caller wants its request answered. A name that the configuration does not have matches nothing; a residency that no deployment fulfils is refused, never relaxed. */
export function labelsOf(asks: Asks, config: CompiledConfig): RequestLabels {
  const region = idOf(asks.region, config.regionNames);
  const { tags } = asks;
  return {
    tags: Array.isArray(tags) ? tags.map((tag: string) => idOf(tag, config.tagNames)) : [],
    tagMatch: asks.tagMatch === "all" ? "all" : "any",
    region: region === unknownName ? -1 : region,
    residency: idOf(asks.residency, config.regionNames),
  };
}

/** -1: none is given. */
function idOf(name: unknown, names: readonly string[]): number {
  if (typeof name !== "string") return -1;
  const place = names.indexOf(name);
  return place < 0 ? unknownName : place;
}
