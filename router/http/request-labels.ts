import type { IncomingHttpHeaders } from "node:http";
import type { CompiledConfig } from "../core/compiled-config.ts";
import { type RouteRequest, unknownName } from "../core/messages.ts";

export type RequestLabels = Pick<RouteRequest, "tags" | "tagMatch" | "region" | "residency">;

const tagsMax = 32;

/**
 * Where a caller wants its request answered, out of its headers: `x-headgate-tags: a, b` (at most 32), `x-headgate-tags-match: any | all`, `x-headgate-region`,
 * `x-headgate-residency`. A name that the configuration does not have matches nothing; a residency that no deployment fulfils is refused, never relaxed.
 */
export function readLabels(headers: IncomingHttpHeaders, config: CompiledConfig): RequestLabels {
  const region = idOf(headers["x-headgate-region"], config.regionNames);
  return {
    tags: textOf(headers["x-headgate-tags"])
      .split(",", tagsMax)
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "")
      .map((tag) => idOf(tag, config.tagNames)),
    tagMatch: textOf(headers["x-headgate-tags-match"]).trim() === "all" ? "all" : "any",
    region: region === unknownName ? -1 : region,
    residency: idOf(headers["x-headgate-residency"], config.regionNames),
  };
}

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(",") : (header ?? "");
}

/** -1: none is given. */
function idOf(header: string | string[] | undefined, names: readonly string[]): number {
  const name = textOf(header).trim();
  if (name === "") return -1;
  const place = names.indexOf(name);
  return place < 0 ? unknownName : place;
}
