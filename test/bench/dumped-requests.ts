import { readFileSync } from "node:fs";
import { seconds } from "../../router/core/time.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { instantAt } from "../../router/core/time.ts";

/** The requests that the prototype wrote with `--dump`: at_s,input,output. */
export function dumpedRequests(file: string): readonly Arrival[] {
  const [, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [at = 0, inputTokens = 0, outputTokens = 0] = line.split(",").map(Number);
    return { at: instantAt(seconds(at)), inputTokens, outputTokens, blocks: null, route: null };
  });
}
