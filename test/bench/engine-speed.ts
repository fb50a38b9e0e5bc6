import { readFileSync } from "node:fs";
import type { Instant } from "../../router/core/machine.ts";
import { never } from "../../router/core/time.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";

/**
 * `node engine-speed.ts FILE.csv REPLICAS`: plays the requests (at_s,input,output) through engines behind a bare least-loaded choice, and prints JSON:
 * requests, CPU seconds (reading the file and making the requests left out, as the prototype does), mean E2E in seconds as a check.
 */
export const yardstickSpec: EngineSpec = {
  blockTokens: 16,
  blocks: 27_000,
  sequencesMax: 256,
  batchedTokensMax: 8192,
  modelTokensMax: 131_072,
  stepTime: {
    kind: "linear",
    perStepUs: 6000,
    perPrefillTokenUs: 33,
    perSequenceUs: 40,
    perContextTokenUs: 0.045,
    perChunkAttentionUs: 0.001,
    source: { kind: "fitted", hardware: "the prototype's", model: "none", engineVersion: "none", errorPercent: 0 },
  },
};

class Replica {
  readonly engine: EngineModel;
  load = 0;
  deadline: Instant = never;
  readonly freeIds: number[] = [];
  ids = 0;
  readonly ends: Float64Array;
  readonly requestOf: number[] = [];

  constructor(engine: EngineModel, ends: Float64Array) {
    this.engine = engine;
    this.ends = ends;
  }

  emit(command: EngineCommand, at: Instant): void {
    if (command.kind !== "end-sequence") return;
    this.load--;
    this.ends[this.requestOf[command.id] ?? 0] = at;
    this.freeIds.push(command.id);
  }
}

function run(file: string, replicas: number): void {
  const rows = readFileSync(file, "utf8").trim().split("\n").slice(1);
  const count = rows.length;
  const arrivals = new Float64Array(count);
  const inputs = new Int32Array(count);
  const outputs = new Int32Array(count);
  for (const [index, row] of rows.entries()) {
    const [at = "0", input = "0", output = "0"] = row.split(",");
    arrivals[index] = Math.round(Number(at) * 1e6);
    inputs[index] = Number(input);
    outputs[index] = Number(output);
  }
  const ends = new Float64Array(count);
  const before = process.cpuUsage();
  const fleet = Array.from({ length: replicas }, () => new Replica(createEngine(yardstickSpec, { detail: "first-token" }), ends));
  for (let index = 0; index < count; index++) submitLeastLoaded(fleet, index, arrivals, inputs, outputs);
  for (const replica of fleet) while (replica.engine.nextDeadline() !== never) replica.engine.wake(replica.engine.nextDeadline(), replica);
  const used = process.cpuUsage(before);
  let wait = 0;
  for (let index = 0; index < count; index++) wait += (ends[index] ?? 0) - (arrivals[index] ?? 0);
  const cpuSeconds = (used.user + used.system) / 1e6;
  console.log(
    JSON.stringify({
      requests: count,
      cpuSeconds,
      perCpuSecond: Math.round(count / cpuSeconds),
      meanE2eSeconds: wait / count / 1e6,
      rssMb: Math.round(process.memoryUsage().rss / 1e6),
    }),
  );
}

function submitLeastLoaded(fleet: readonly Replica[], index: number, arrivals: Float64Array, inputs: Int32Array, outputs: Int32Array): void {
  const at = (arrivals[index] ?? 0) as Instant;
  let least = fleet[0];
  for (const replica of fleet) {
    if (replica.deadline <= at) {
      replica.engine.wake(at, replica);
      replica.deadline = replica.engine.nextDeadline();
    }
    if (least === undefined || replica.load < least.load) least = replica;
  }
  if (least === undefined) return;
  const id = (least.freeIds.pop() ?? least.ids++) as SequenceId;
  least.requestOf[id] = index;
  least.load++;
  const output = outputs[index] ?? 1;
  least.engine.handle(
    { kind: "sequence-submitted", id, inputTokens: inputs[index] ?? 1, blocks: null, outputTokens: output, outputTokensMax: output, priority: 0, arrival: at },
    at,
    least,
  );
  least.deadline = least.engine.nextDeadline();
}

run(process.argv[2] ?? "", Number(process.argv[3] ?? 16));
