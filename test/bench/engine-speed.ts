import type { Instant } from "../../router/core/machine.ts";
import { never } from "../../router/core/time.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineCommand, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";
import { dumpedRequests } from "./dumped-requests.ts";
import { rehearse, smallEngine } from "../../simulator/core/rehearsal.ts";
import { LastCompiler } from "../../simulator/run/run-to-end.ts";
import { yardstickSpec } from "./yardstick.ts";

/**
 * `node engine-speed.ts FILE.csv REPLICAS`: plays the requests (at_s,input,output) through engines behind a bare least-loaded choice, and prints JSON:
 * requests, CPU seconds (reading the file and making the requests left out, as the prototype does), mean E2E in seconds as a check.
 */
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
  const { at: arrivals, inputTokens: inputs, outputTokens: outputs } = dumpedRequests(file);
  const count = arrivals.length;
  const ends = new Float64Array(count);
  const before = process.cpuUsage();
  rehearseFor(ends);
  const compiler = new LastCompiler(count);
  const fleet = Array.from({ length: replicas }, () => new Replica(createEngine(yardstickSpec, { detail: "first-token" }), ends));
  for (let index = 0; index < count; index++) submitLeastLoaded(fleet, index, arrivals, inputs, outputs);
  for (const replica of fleet) while (replica.engine.nextDeadline() !== never) replica.engine.wake(replica.engine.nextDeadline(), replica);
  compiler.letIn();
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

/** By replicas like those that follow. */
function rehearseFor(ends: Float64Array): void {
  const replica = new Replica(createEngine(smallEngine(yardstickSpec), { detail: "first-token" }), ends);
  rehearse(yardstickSpec, {
    submit: (id, inputTokens, outputTokens, now) => submit(replica, id as SequenceId, inputTokens, outputTokens, now),
    wake: (now) => replica.engine.wake(now, replica),
    nextDeadline: () => replica.engine.nextDeadline(),
  });
}

function submit(replica: Replica, id: SequenceId, inputTokens: number, outputTokens: number, at: Instant): void {
  replica.engine.handle(
    { kind: "sequence-submitted", id, inputTokens, blocks: null, outputTokens, outputTokensMax: outputTokens, priority: 0, arrival: at },
    at,
    replica,
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
  submit(least, id, inputs[index] ?? 1, outputs[index] ?? 1, at);
  least.deadline = least.engine.nextDeadline();
}

run(process.argv[2] ?? "", Number(process.argv[3] ?? 16));
