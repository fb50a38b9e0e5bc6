import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { quickStartFlags } from "../../router/commands/quick-start.ts";
import type { BenchCost, BenchRun } from "./simulate-requests.ts";

const here = import.meta.dirname;
export const sharedPath = process.env["HEADGATE_SHARED"] ?? resolve(here, "../../../shared");
export const prototype = join(sharedPath, "design/engine-prototype/speed.mjs");

/** REQUESTS REPLICAS RATE INPUT OUTPUT, as the prototype takes them. */
export type YardstickArguments = readonly [requests: number, replicas: number, perSecond: number, input: number, output: number];

function ask(...given: readonly string[]): string {
  return execFileSync(process.execPath, given, { encoding: "utf8", maxBuffer: 1 << 26 });
}

/** As `headgate` starts. */
function askOurs(script: string, ...given: readonly string[]): string {
  return ask(...quickStartFlags, join(here, script), ...given);
}

/** Each in a fresh process; CPU seconds of the run, as each counts them: reading and making the requests is left out of all. */
export function prototypeSeconds(given: YardstickArguments, dump: string): number {
  const printed = ask(prototype, ...given.map(String), "--dump", dump);
  const [, perSecond] = /(\d+) requests per CPU second/.exec(printed) ?? [];
  if (perSecond === undefined) throw new Error(`the prototype printed no figure: ${printed}`);
  return given[0] / Number(perSecond);
}

export function engineSeconds(dump: string, replicas: number): number {
  const { cpuSeconds } = JSON.parse(askOurs("engine-speed.ts", dump, String(replicas))) as { cpuSeconds: number };
  return cpuSeconds;
}

export function simulated(run: BenchRun): BenchCost {
  const cost = JSON.parse(askOurs("simulate-requests.ts", JSON.stringify(run))) as BenchCost;
  if (cost.served !== cost.requests)
    throw new Error(`${cost.requests - cost.served} of ${cost.requests} requests were not served: less work was done than is asked for`);
  return cost;
}

/** CPU seconds of NVIDIA's DynoSim, its start included, on the same trace. Null: no Python that has it. */
export function dynosimSeconds(trace: string, workers: number): number | null {
  const python = process.env["HEADGATE_DYNOSIM_PYTHON"];
  if (python === undefined) return null;
  const peers = join(sharedPath, "peers/simulators");
  const replay = [python, join(peers, "dynamo_replay.py"), "trace", trace, String(workers), "kv_router"];
  const printed = execFileSync(python, [join(peers, "measure.py"), "--requests", "5719", "--", ...replay], { encoding: "utf8" });
  const { rc, cpu_s: seconds } = JSON.parse(printed) as { rc: number; cpu_s: number };
  if (rc !== 0) throw new Error(`DynoSim failed: ${printed}`);
  return seconds;
}
