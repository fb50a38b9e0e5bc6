import type { TargetSpec } from "../core/compiled-scenario.ts";
import type { MetricName } from "../core/measure/metric-names.ts";
import { judge, overall } from "../core/measure/verdicts.ts";
import type { SeedFigures } from "../result/run-result.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import type { Baseline } from "./baseline.ts";
import { compareFigures, type Pair } from "./compare-figures.ts";
import { type ScenarioOutcome, type Status, statusOf, worstOf } from "./verify-result.ts";

export interface OutcomeOptions {
  /** Wanted of each scenario. */
  readonly seeds: number;
  readonly baseline: Baseline | null;
  /** A scenario that the baseline does not know fails. */
  readonly requireBaseline: boolean;
}

export interface PlayedScenario {
  readonly name: string;
  readonly file: string;
  readonly targets: readonly TargetSpec[];
  readonly seeds: readonly SeedFigures[];
}

export function notApplicable({ name, file, ...rest }: LoadedScenario | NotApplicable, seedsWanted: number): ScenarioOutcome {
  const notes = "reason" in rest ? [rest.reason] : [];
  return { name, file, status: "not-applicable", notes, seedsWanted, seeds: [], targets: [], compared: [] };
}

/** Its targets over all seeds, and its figures beside those of the baseline over the seeds that both have. */
export function outcomeOf({ name, file, targets: asked, seeds }: PlayedScenario, options: OutcomeOptions): ScenarioOutcome {
  const base = { name, file, seedsWanted: options.seeds, seeds };
  if (seeds.length === 0) return { ...base, status: "not-run", notes: ["the time was over before it could run"], targets: [], compared: [] };
  const targets = judge(
    asked,
    seeds.map(({ metrics }) => metrics),
  );
  const { status, notes, compared } = besideBaseline(name, seeds, options);
  const late = seeds.length < options.seeds ? [`the time was over after ${seeds.length} of ${options.seeds} seeds`] : [];
  return { ...base, status: worstOf([statusOf(overall(targets), compared), status]), notes: [...late, ...notes], targets, compared };
}

interface Beside {
  /** Of what could not be compared; not applicable: all could. */
  readonly status: Status;
  readonly notes: readonly string[];
  readonly compared: ScenarioOutcome["compared"];
}

function besideBaseline(name: string, seeds: readonly SeedFigures[], { baseline, requireBaseline }: OutcomeOptions): Beside {
  const before = baseline?.scenarios.get(name);
  const strictly = (otherwise: Status): Status => (requireBaseline ? "fail" : otherwise);
  if (baseline === null || before === undefined) {
    const notes = baseline !== null || requireBaseline ? ["not in the baseline: --update adds it"] : [];
    return { status: strictly("not-applicable"), notes, compared: [] };
  }
  const pairs = pairsOf(before, seeds);
  if (pairs.length === 0) return { status: strictly("inconclusive"), notes: ["no seed of it is in the baseline: --update writes these"], compared: [] };
  const lost = lostFigures(pairs, baseline);
  const fewer =
    pairs.length < seeds.length ? [`compared over ${pairs.length} of ${seeds.length} seeds: the baseline has no others; --update writes these`] : [];
  const unknown = lost.length > 0 ? [`known in the baseline and not now: ${lost.join(", ")}`] : [];
  return {
    status: lost.length > 0 ? "inconclusive" : "not-applicable",
    notes: [...fewer, ...unknown],
    compared: compareFigures(pairs, baseline.tolerances),
  };
}

function pairsOf(before: readonly SeedFigures[], after: readonly SeedFigures[]): readonly Pair[] {
  return after.flatMap(({ seed, metrics }) => {
    const old = before.find((candidate) => candidate.seed === seed);
    return old === undefined ? [] : [{ seed, before: old.metrics, after: metrics }];
  });
}

/** A price that went missing must not look like a cost that has not changed. */
function lostFigures(pairs: readonly Pair[], { tolerances }: Baseline): readonly MetricName[] {
  const metrics = tolerances.map(({ metric }) => metric);
  return metrics.filter((metric) => pairs.some(({ before, after }) => before[metric] !== null && after[metric] === null));
}
