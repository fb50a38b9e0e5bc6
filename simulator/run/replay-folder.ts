import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeResult } from "../result/result-json.ts";
import type { JudgedResult } from "../result/run-result.ts";

export const runsFolder = join(".headgate", "runs");

/** A replay's result alone, to `<folder>/<scenario>-replay-<digest>/`: no two replays are alike, so the digest is of what came out. */
export function writeReplay(folder: string, scenario: string, result: JudgedResult): string {
  const text = writeResult(result);
  const place = join(folder, `${scenario}-replay-${createHash("sha256").update(text).digest("hex").slice(0, 12)}`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "result.json"), text);
  return place;
}
