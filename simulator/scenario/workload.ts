import { type CompiledScenario, everyVersion } from "../core/compiled-scenario.ts";
import { ClosedLoop } from "../core/workload/closed-loop.ts";
import type { SessionScript, SessionStep } from "../core/workload/session-script.ts";
import { present } from "../../router/core/assert.ts";
import type { Duration } from "../../router/core/machine.ts";
import { arrivalsOf } from "./arrivals.ts";
import type { LoadedScenario, TraceInfo } from "./loaded-scenario.ts";
import type { ScenarioFile } from "./schema.ts";

/** What a scenario's trace is played as. */
export function workloadOf(
  { trace: file, seed: scenarioSeed, batches }: ScenarioFile,
  compiled: CompiledScenario,
  trace: TraceInfo,
): Pick<LoadedScenario, "arrivals" | "closedLoop"> {
  const keyTokens = keyTokensOf(compiled);
  const known = everyVersion(compiled).routes;
  const routes = new Set(known.map(({ name }) => name));
  const defaultRoute = present(known[compiled.defaultRoute], "the default route").name;
  const isBatchRoute = (route: string | null): boolean => batches === true || (batches !== false && batches.includes(route ?? defaultRoute));
  return {
    arrivals: (seed = scenarioSeed) => {
      const { table, speed, blockTokens } = trace;
      return arrivalsOf(table, { speed, blockTokens, keyTokens, routes, features: file.features ?? null, seed, batches: isBatchRoute });
    },
    closedLoop: () => {
      if (trace.loop === "open") return null;
      const { atOnce, rampUp, idleMax, timeLimit, afterFailure, repeat } = file.sessions;
      const spec = {
        sessionsMax: atOnce,
        rampUp,
        idleMax: idleMax ?? (Infinity as Duration),
        timeLimit,
        goOnAfterFailure: afterFailure === "go-on",
        keyTokens,
      };
      return new ClosedLoop(spec, scriptsOf(trace.sessions, repeat, routes));
    },
  };
}

/** Of the engines' KV blocks; where they differ, of the smallest. */
function keyTokensOf({ endpoints }: CompiledScenario): number {
  const sizes = endpoints.flatMap((endpoint) => (endpoint.kind === "vllm" ? [endpoint.engine.blockTokens] : []));
  return sizes.length === 0 ? 16 : sizes.reduce((least, size) => Math.min(least, size));
}

function* scriptsOf(sessions: readonly SessionScript[], repeat: boolean, routes: ReadonlySet<string>): Generator<SessionScript, void, undefined> {
  do {
    for (const script of sessions) yield { ...script, route: script.route !== null && routes.has(script.route) ? script.route : null };
  } while (repeat);
}

export function callsOf(steps: readonly SessionStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === "call" ? 1 : step.agents.reduce((calls, agent) => calls + callsOf(agent), 0)), 0);
}
