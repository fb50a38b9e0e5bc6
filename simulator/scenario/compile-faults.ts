import type { Duration } from "../../router/core/machine.ts";
import { after, instantAt } from "../../router/core/time.ts";
import type { CompiledScenario, FaultSpec } from "../core/compiled-scenario.ts";
import type { EndpointFault, FaultPlan, FaultTarget, FaultTiming } from "../core/fault/fault-spec.ts";
import { isOfLine } from "../core/fault/resolve-faults.ts";
import type { FaultEntry } from "./fault-schema.ts";
import type { Report } from "./report.ts";
import { targetMeant, type TargetMeant, type TargetWorld } from "./fault-targets.ts";

const forEver = Infinity as Duration;

/** Single faults of endpoints with their instants; all others as plans, whose instants the run's seed and length make. */
export function compileFaults(entries: readonly FaultEntry[], world: TargetWorld, report: Report): Pick<CompiledScenario, "faults" | "faultPlans"> {
  const faults: FaultSpec[] = [];
  const faultPlans: FaultPlan[] = [];
  for (const [index, entry] of entries.entries()) {
    const say = (field: string, message: string, fix: string): void => report(["faults", index, field], "value", message, fix);
    const timing = timingOf(entry, say);
    const meant = targetMeant(entry.target, world);
    if ("message" in meant) say("target", meant.message, meant.fix);
    else if (timing !== null && fits(entry, meant, say)) {
      const target = targetOf(entry, meant);
      if (timing.kind === "once" && target.kind === "endpoints") {
        const { at } = timing;
        faults.push(...target.endpoints.map((endpoint): FaultSpec => ({ endpoint, at, until: after(at, timing.for), fault: target.fault })));
      } else faultPlans.push({ name: `${entry.target} ${entry.kind} ${entry.random?.stream ?? index}`, target, timing });
    }
  }
  return { faults, faultPlans };
}

function timingOf(entry: FaultEntry, say: (field: string, message: string, fix: string) => void): FaultTiming | null {
  const { at, every, random } = entry;
  const lasts = entry.for ?? forEver;
  if (random !== undefined) {
    if (at !== undefined || every !== undefined || entry.for !== undefined) {
      say("random", "stands beside at, for or every", "remove one of the two: a fault is either scripted or random");
      return null;
    }
    return { kind: "random", ...random };
  }
  if (at === undefined) {
    say("at", "is missing", "add at: 60s, or random: { perHour: 1, meanDuration: 60s }");
    return null;
  }
  if (every === undefined) return { kind: "once", at: instantAt(at), for: lasts };
  if (every > lasts) return { kind: "every", at: instantAt(at), for: lasts, every };
  say("every", "is not longer than the fault itself", "give a longer rhythm, or for: a shorter time");
  return null;
}

function fits({ kind, target }: FaultEntry, meant: TargetMeant, say: (field: string, message: string, fix: string) => void): boolean {
  if (meant.kind !== "endpoints" && kind !== "down") say("kind", `${target} has only faults of kind down, not ${kind}`, "write kind: down");
  else if (meant.kind === "endpoints" && meant.line && !isOfLine(kind)) say("kind", `${kind} is no fault of the network`, "write latency, loss or partition");
  else return true;
  return false;
}

function targetOf(entry: FaultEntry, meant: TargetMeant): FaultTarget {
  if (meant.kind !== "endpoints") return meant;
  return { kind: "endpoints", endpoints: meant.endpoints, fault: faultOf(entry) };
}

function faultOf(entry: FaultEntry): EndpointFault {
  switch (entry.kind) {
    case "down":
    case "stall":
    case "partition":
      return { kind: entry.kind };
    case "error":
    case "overload":
    case "cut":
    case "loss":
      return { kind: entry.kind, rate: entry.rate };
    case "slow":
      return { kind: "slow", factor: entry.factor };
    case "latency":
      return { kind: "latency", delay: entry.delay };
  }
}
