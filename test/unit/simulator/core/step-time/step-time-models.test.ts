import { describe, expect, test } from "vitest";
import type { Instant } from "../../../../../router/core/machine.ts";
import { forkRandom, nextBelow } from "../../../../../router/core/random.ts";
import type { RandomState } from "../../../../../router/core/random.ts";
import type { StepShape } from "../../../../../simulator/core/engine/engine.ts";
import { createStepTime } from "../../../../../simulator/core/step-time/create-step-time.ts";
import { paddedTokens } from "../../../../../simulator/core/step-time/padded-tokens.ts";
import { hidesScheduling, ScheduledStepTime } from "../../../../../simulator/core/step-time/scheduled-step-time.ts";
import { emptyShape } from "../../../../../simulator/core/step-time/step-range.ts";
import { engineProfiles, findProfile } from "../../../../../simulator/scenario/engine-profile.ts";

const profiles = engineProfiles();

function randomShape(random: RandomState): StepShape {
  const decodes = nextBelow(random, 130);
  const context = 16 + nextBelow(random, 4000);
  const chunk = nextBelow(random, 2) === 0 ? 0 : 2 + nextBelow(random, 2000);
  const past = chunk === 0 ? 0 : nextBelow(random, 2000);
  return {
    ...emptyShape(),
    sequences: decodes + (chunk > 0 ? 1 : 0),
    decodes,
    tokens: decodes + chunk,
    decodeContext: decodes * context,
    decodeContextMax: decodes === 0 ? 0 : context + nextBelow(random, 500),
    chunkAttention: chunk * (past + chunk / 2),
    prefillPast: past,
  };
}

describe.each(profiles.map((profile) => [profile.name, profile] as const))("%s", (name, profile) => {
  const model = createStepTime(profile.stepTime);

  test("a stretch is the loop of single steps, bit for bit, and stops before its limit", () => {
    const random = forkRandom(1, name);
    for (let round = 0; round < 20; round++) {
      const shape = { ...randomShape(random) };
      if (shape.decodes === 0) continue;
      const into = { steps: 0, endsAt: 0 as Instant };
      const until = (5_000_000 + nextBelow(random, 1_000_000)) as Instant;
      model.decodeStretch(shape, 60, 5_000_000 as Instant, until, into);
      let at = 5_000_000;
      let steps = 0;
      for (const next = { ...shape }; steps < 60 && at + model.stepTime(next) <= until; steps++) {
        at += model.stepTime(next);
        next.decodeContext += next.decodes;
        next.decodeContextMax++;
      }
      expect(into).toEqual({ steps, endsAt: at });
    }
  });

  test("a step is whole microseconds, and never shorter with fewer tokens", () => {
    const random = forkRandom(2, name);
    for (let round = 0; round < 60; round++) {
      const shape = randomShape(random);
      const time = model.stepTime(shape);
      expect(Number.isInteger(time) && time >= 1).toBe(true);
      const chunk = shape.tokens - shape.decodes;
      if (chunk < 4) continue;
      const less = chunk - 1 - nextBelow(random, chunk - 3);
      const smaller = { ...shape, tokens: shape.decodes + less, chunkAttention: less * (shape.prefillPast + less / 2) };
      expect(model.stepTime(smaller)).toBeLessThanOrEqual(time);
    }
  });
});

test("profiles are there for every GPU and model that is asked for", () => {
  const wanted = ["RTX 4090", "RTX PRO 6000", "A100", "H100", "L40S", "L4", "H200", "RTX 5090", "RTX 3090"];
  for (const gpu of wanted) expect(findProfile(profiles, gpu, "Llama-3.1-8B", 1)?.exact, gpu).toBe(true);
  for (const [model, parallel] of [
    ["Llama-2-70B", 4],
    ["Mistral-7B", 1],
    ["CodeLlama-13B", 1],
  ] as const)
    expect(findProfile(profiles, "H100", model, parallel)?.exact, model).toBe(true);
  expect(findProfile(profiles, "RTX PRO 6000", "Qwen3-32B", 1)?.exact).toBe(true);
});

test("an unknown GPU takes the nearest, and says that it is less sure", () => {
  const match = findProfile(profiles, "H100 NVL 94GB", "Llama-3.1-8B-Instruct", 1);
  expect(match?.profile.name).toBe("h100-sxm/llama-3.1-8b/tp1");
  const other = findProfile(profiles, "MI300X", "gpt-oss-120b", 1);
  expect(other?.exact).toBe(false);
  expect(other?.errorPercent).toBeGreaterThanOrEqual(25);
});

test("tokens are padded up to CUDA-graph sizes", () => {
  expect([1, 2, 3, 5, 249, 257, 512, 513].map((tokens) => paddedTokens(tokens, 512))).toEqual([1, 2, 4, 8, 256, 272, 512, 513]);
});

test("where no step can be shorter than its scheduling, that never shows", () => {
  const coefficients = { perPrefillTokenUs: 0, perContextTokenUs: 0, perChunkAttentionUs: 0 };
  const source = { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 } as const;
  const sizes = [0, 1, 2, 7, 255, 1024];
  const shapes = sizes.map((sequences) => ({ ...emptyShape(), sequences, decodes: sequences, tokens: sequences }));
  let hidden = 0;
  for (const perStepUs of [0.4, 0.5, 126, 126.5]) {
    for (const perSequenceUs of [0, 4.3, 4.4]) {
      const spec = { kind: "linear", perStepUs, perSequenceUs, ...coefficients, source } as const;
      const inner = createStepTime(spec);
      for (const cost of [
        { perStepUs: 0.5, perSequenceUs: 0 },
        { perStepUs: 126, perSequenceUs: 4.4 },
      ]) {
        const wrapped = new ScheduledStepTime(inner, cost, true);
        const differs = shapes.some((shape) => wrapped.stepTime(shape) !== inner.stepTime(shape));
        if (hidesScheduling(spec, cost)) expect(differs).toBe(false);
        if (hidesScheduling(spec, cost)) hidden++;
      }
    }
  }
  expect(hidden).toBe(11);
});

test("scheduling is added where the device waits for it, and hidden where it does not", () => {
  const shape = { ...emptyShape(), sequences: 10, decodes: 10, tokens: 10 };
  const inner = createStepTime({
    kind: "linear",
    perStepUs: 500,
    perPrefillTokenUs: 0,
    perSequenceUs: 0,
    perContextTokenUs: 0,
    perChunkAttentionUs: 0,
    source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
  });
  const cost = { perStepUs: 100, perSequenceUs: 50 };
  expect(new ScheduledStepTime(inner, cost, false).stepTime(shape)).toBe(1100);
  expect(new ScheduledStepTime(inner, cost, true).stepTime(shape)).toBe(600);
  expect(new ScheduledStepTime(inner, { perStepUs: 100, perSequenceUs: 0 }, true).stepTime(shape)).toBe(500);
});
