import { expect, test } from "vitest";
import { accepted, compareShapes, LoadShape } from "../../../../../simulator/trace/model/acceptance.ts";
import { ModelFitter } from "../../../../../simulator/trace/model/fit-model.ts";
import { type GenerateOptions, type Growth, generateRows, noGrowth } from "../../../../../simulator/trace/model/generate-rows.ts";
import type { WorkloadModel } from "../../../../../simulator/trace/model/workload-model.ts";
import type { TraceRow } from "../../../../../simulator/trace/trace-row.ts";

/** Bursty, with a wave over the hour, two tenants, and sessions that share prefixes. */
const planted: WorkloadModel = {
  headgate: "workload-model",
  version: 1,
  source: "planted",
  rows: 0,
  blockTokens: 16,
  envelope: Array.from({ length: 60 }, (_, minute) => 300 + 4 * Math.abs(30 - minute)),
  bursts: { tenSeconds: 4, seconds: 2 },
  tenants: ["large", "small"],
  routes: ["chat"],
  sharedBlocks: 2,
  sessions: true,
  sample: [
    [100, 20, 2, 0.1, 0, 0],
    [400, 200, 2, 0.1, 0, 0],
    [900, 60, 20, 40, 0, 0],
    [640, 90, 10, 120, 1, 0],
    [200, 30, 2, 0.1, 1, 0],
  ],
};

const options: GenerateOptions = { seed: 5, minutes: 60, growth: noGrowth, arrivals: "fitted" };
const generated = (model: WorkloadModel, changes: Partial<GenerateOptions> = {}): readonly TraceRow[] => [...generateRows(model, { ...options, ...changes })];
const grown = (growth: Partial<Growth>): readonly TraceRow[] => generated(planted, { growth: { ...noGrowth, ...growth } });

function shapeOf(rows: Iterable<TraceRow>): ReturnType<LoadShape["figures"]> {
  const shape = new LoadShape();
  shape.begin({ originUs: 0, blockTokens: 16 });
  for (const row of rows) shape.row(row);
  return shape.figures();
}

function fitted(rows: readonly TraceRow[]): WorkloadModel {
  const fitter = new ModelFitter("test", 1);
  fitter.begin({ originUs: 0, blockTokens: 16 });
  for (const row of rows) fitter.row(row);
  return fitter.model();
}

const source = generated(planted);

test("what is generated is in order, and the same for the same seed", () => {
  expect(source.length).toBeGreaterThan(20_000);
  expect(source.every(({ atUs }, place) => place === 0 || atUs >= (source[place - 1]?.atUs ?? 0))).toBe(true);
  expect(generated(planted)).toEqual(source);
  expect(generated(planted, { seed: 6 })).not.toEqual(source);
});

test("a fit to bursty traffic is accepted with any seed; Poisson arrivals of the same mean are not", { timeout: 60_000 }, () => {
  const model = fitted(source);
  const wanted = shapeOf(source);
  for (const seed of [1, 2]) {
    const criteria = compareShapes(wanted, shapeOf(generated(model, { seed, minutes: model.envelope.length + 1 })));
    expect(criteria.filter(({ holds }) => !holds)).toEqual([]);
    expect(accepted(criteria)).toBe(true);
  }
  const poisson = compareShapes(wanted, shapeOf(generated(model, { arrivals: "poisson", minutes: model.envelope.length + 1 })));
  expect(accepted(poisson)).toBe(false);
  expect(poisson.filter(({ holds }) => !holds).map(({ name }) => name)).toContain("dispersion at 10 s");
});

test("the parameters of the bursts are found again", () => {
  const { bursts, sharedBlocks } = fitted(source);
  expect(bursts.tenSeconds).toBeGreaterThan(3.2);
  expect(bursts.tenSeconds).toBeLessThan(5);
  expect(bursts.seconds).toBeGreaterThan(1.7);
  expect(bursts.seconds).toBeLessThan(2.4);
  expect(sharedBlocks).toBe(2);
});

test("four knobs: tenants, rate per tenant, tokens, agents", () => {
  const count = source.length;
  const tenantsOf = (rows: readonly TraceRow[]): ReadonlySet<string | null> => new Set(rows.map(({ tenant }) => tenant));
  const more = grown({ tenants: 3 });
  expect(more.length / count).toBeCloseTo(3, 1);
  expect(tenantsOf(more).size).toBe(6);
  const faster = grown({ rate: 1.5 });
  expect(faster.length / count).toBeCloseTo(1.5, 1);
  expect(tenantsOf(faster).size).toBe(2);
  const longer = grown({ tokens: 2 });
  const tokens = (rows: readonly TraceRow[]): number => rows.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
  expect(longer.length).toBe(count);
  expect(tokens(longer) / tokens(source)).toBeCloseTo(2, 1);
  const agents = grown({ rate: 0.1, agentShare: 0.3 });
  const share = agents.filter(({ tenant }) => tenant === "agents").length / agents.length;
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.4);
  expect(agents.filter(({ tenant }) => tenant !== "agents")).toEqual(grown({ rate: 0.1 }));
  expect(agents.every(({ atUs }, place) => place === 0 || atUs >= (agents[place - 1]?.atUs ?? 0))).toBe(true);
});
