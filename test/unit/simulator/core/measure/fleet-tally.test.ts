import { expect, test } from "vitest";
import { idleSignals } from "../../../../../simulator/core/endpoint.ts";
import { fleetFigures, type PoolFigures } from "../../../../../simulator/core/measure/fleet-figures.ts";
import { FleetTally } from "../../../../../simulator/core/measure/fleet-tally.ts";
import { metricsOf, nothingKnown } from "../../../../../simulator/core/measure/metrics.ts";
import { RecordTable } from "../../../../../simulator/core/measure/record-table.ts";
import { summarise } from "../../../../../simulator/core/measure/summarise.ts";
import { defaultScenario } from "../../../../support/default-scenario.ts";
import { smallHosted, smallVllm } from "../../../../support/small-scenario.ts";

const second = 1_000_000;
const nothingMeasured = summarise(new RecordTable(), { warmUp: 0 as never, routes: 0, deployments: 0 }).summary;

/** Of 16 sequences and 512 tokens at most: 2 s at 8 sequences, 6 s at 4, 2 s idle; of tokens 256 and 64 a step. */
function samples(tally: FleetTally): void {
  const at = (seconds: number, busy: number, steps: number, stepSequences: number, stepTokens: number, kvUsed: number, waiting: number): void =>
    tally.sample((seconds * second) as never, [
      { ...idleSignals, busy: (busy * second) as never, steps, stepSequences, stepTokens, kvUsed, waiting },
      { ...idleSignals, running: 3 },
    ]);
  at(0, 0, 0, 0, 0, 0, 0);
  at(2, 2, 100, 800, 25_600, 0.6, 4);
  at(8, 8, 400, 2_000, 44_800, 0.3, 0);
  at(10, 8, 400, 2_000, 44_800, 0.3, 0);
}

test("both utilisations are weighted by the time in which steps ran; a hosted API has none", () => {
  const tally = new FleetTally([smallVllm, smallHosted]);
  samples(tally);
  const [engine, hosted] = tally.uses();
  expect(engine).toEqual({
    busyPercent: 80,
    sequencesPercent: ((2 * 8 + 6 * 4) / 8 / 16) * 100,
    tokensPercent: ((2 * 256 + 6 * 64) / 8 / 512) * 100,
    kvUsedPercent: 30,
    waitingMean: 1,
    waitingMax: 4,
    preemptions: 0,
    busy: 8 * second,
    sampled: 10 * second,
  });
  expect(hosted).toMatchObject({ busyPercent: null, sequencesPercent: null, kvUsedPercent: null });
});

test("what came after the last sample counts, up to the end of the run; the means of states stay those of the samples", () => {
  const tally = new FleetTally([smallVllm]);
  const at = (busy: number, steps: number, kvUsed: number) => [
    { ...idleSignals, busy: (busy * second) as never, steps, stepSequences: steps * 8, stepTokens: steps * 64, kvUsed },
  ];
  tally.sample(0 as never, at(0, 0, 0));
  tally.sample((10 * second) as never, at(5, 100, 0.4));
  tally.end((16 * second) as never, at(8, 160, 0.9));
  expect(tally.uses()[0]).toMatchObject({ busyPercent: 50, sequencesPercent: 50, kvUsedPercent: 20, busy: 8 * second, sampled: 16 * second });
});

test("machines are paid for by the hour, busy or not, and use power by what they do", () => {
  const tally = new FleetTally([smallVllm, smallHosted]);
  samples(tally);
  const { config } = defaultScenario({ endpoints: 2 });
  const [pool] = fleetFigures(config, tally.uses(), [{ gpus: 2, gpuHourDollars: 3, watts: 700, idleWatts: 100 }]);
  // Two endpoints of two GPUs for 10 s; the hosted one stands for a replica that never did a thing.
  expect(pool?.gpuHours).toBeCloseTo(40 / 3600, 6);
  expect(pool?.gpuDollars).toBeCloseTo((3 * 40) / 3600, 6);
  expect(pool?.energyKwh).toBeCloseTo((16 * 700 + 24 * 100) / 3600 / 1000, 6);
});

test("a sum over the pools is known only where each of them knows its part", () => {
  const pool = { gpuHours: 2, gpuDollars: 5, energyKwh: 1 } as PoolFigures;
  const hosted = { gpuHours: null, gpuDollars: null, energyKwh: null } as PoolFigures;
  const of = (...fleet: readonly PoolFigures[]) => {
    const { gpuHours, gpuDollars, energyKwh } = metricsOf(nothingMeasured, { ...nothingKnown, fleet });
    return { gpuHours, gpuDollars, energyKwh };
  };
  expect(of(pool, hosted, pool)).toEqual({ gpuHours: 4, gpuDollars: 10, energyKwh: 2 });
  expect(of(pool, { ...pool, gpuDollars: null })).toEqual({ gpuHours: 4, gpuDollars: null, energyKwh: 2 });
  expect(of(hosted)).toEqual({ gpuHours: null, gpuDollars: null, energyKwh: null });
});
