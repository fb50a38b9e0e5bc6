import { expect, test } from "vitest";
import type { SpeculationSpec } from "../../../../../simulator/core/engine/engine-spec.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

const drafting: SpeculationSpec = { method: "draft-model", draftTokens: 3, acceptance: 1 };

function timesOf(speculation: SpeculationSpec | null, more = {}): number[] {
  const play = new EnginePlay(smallSpec({ step: { perPrefillTokenUs: 10 } }, { asyncScheduling: false, speculation, ...more }));
  const id = play.submit(50, 9);
  play.finish();
  return play.times("emit-tokens", id);
}

test("accepted drafts save steps, and each pass of the drafting model costs its share of the target's", () => {
  expect(timesOf(null)).toHaveLength(9);
  // Four tokens a step: prefill, 4, 4. The drafts are verified as prefill tokens are.
  expect(timesOf(drafting)).toEqual([1500, 2530, 3560]);
  // Prefill: 10 % of (1,500 + 2 x 1,000); later steps: 10 % of (1,000 + 2 x 1,000).
  expect(timesOf({ ...drafting, costRatio: 0.1 })).toEqual([1500 + 350, 2530 + 350 + 300, 3560 + 350 + 600]);
});

test("activations take their time from each pipeline stage to the next", () => {
  const plain = timesOf(null, { pipelineStages: 2 });
  const hops = timesOf(null, { pipelineStages: 2, pipelineHopUs: 80 });
  expect(hops[0]).toBe((plain[0] ?? 0) + 80);
  expect(timesOf(null, { pipelineStages: 4, pipelineHopUs: 80 })[0]).toBe((timesOf(null, { pipelineStages: 4 })[0] ?? 0) + 240);
});
