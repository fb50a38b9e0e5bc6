import type { Duration } from "../../router/core/machine.ts";
import type { RouteId } from "../../router/core/messages.ts";
import { InputError } from "../../router/config/problem.ts";
import { present } from "../../router/core/assert.ts";
import type { RunFigures } from "../core/measure/summarise.ts";
import { summarise } from "../core/measure/summarise.ts";
import { summaryOptions } from "../core/measure/summary-options.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { checkReplayable } from "./live-problems.ts";
import { replay } from "./replay.ts";
import type { RouterCounters } from "./router-counters.ts";
import { countersBetween, readRouterCounters } from "./router-counters.ts";
import type { Validity } from "./validity.ts";

export interface ReplayTarget {
  readonly target: URL;
  /** The router's own metrics; null: not known, then cost is what the answers state and breakers are not known. */
  readonly metricsUrl: string | null;
  readonly key: string | null;
  /** Asked for instead of the route's name. */
  readonly model: string | null;
}

export interface LiveRun {
  /** Over the scenario's window, and over all requests. */
  readonly figures: RunFigures;
  readonly whole: RunFigures;
  readonly validity: Validity;
  /** Of the whole run; null without metrics. */
  readonly counters: RouterCounters | null;
}

/** Requests open at once; what a machine of this kind can hold without its sockets being the measurement. */
const openMax = 10_000;
const drainMaxMs = 600_000;

export async function replayScenario(
  scenario: LoadedScenario,
  at: ReplayTarget,
  signal: AbortSignal,
  progress: (sent: number, open: number) => void,
): Promise<LiveRun> {
  const { compiled } = scenario;
  checkReplayable(scenario);
  const { routes, deployments } = compiled.config;
  const nameOf = (id: RouteId): string => at.model ?? present(routes[id], "the route").name;
  const byName = new Map(routes.map((route) => [route.name, route.id]));
  const before = at.metricsUrl === null ? null : await readRouterCounters(at.metricsUrl);
  const run = await replay({
    target: at.target,
    arrivals: scenario.arrivals(),
    routeOf: ({ route }) => {
      const id = route === null ? compiled.defaultRoute : present(byName.get(route), `a route named ${route}`);
      return { id, name: nameOf(id) };
    },
    deployments,
    key: at.key,
    openMax,
    drainMaxMs,
    signal,
    progress,
  });
  const { counters, problem } = await countedSince(before, at.metricsUrl);
  const over = (warmUp: Duration): RunFigures => summarise(run.records, { ...summaryOptions(compiled), warmUp });
  return {
    figures: over(compiled.warmUp),
    whole: over(0 as Duration),
    validity: problem === null ? run.validity : { ...run.validity, valid: false, reasons: [...run.validity.reasons, problem] },
    counters,
  };
}

/** A router that has gone meanwhile takes its counters with it: what was seen of its answers is kept. */
async function countedSince(
  before: RouterCounters | null,
  metricsUrl: string | null,
): Promise<{ readonly counters: RouterCounters | null; readonly problem: string | null }> {
  if (before === null || metricsUrl === null) return { counters: null, problem: null };
  try {
    return { counters: countersBetween(before, await readRouterCounters(metricsUrl)), problem: null };
  } catch (error) {
    if (error instanceof InputError) return { counters: null, problem: `at the end ${metricsUrl} ${error.problems[0]?.message ?? ""}` };
    throw error;
  }
}
