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
  const { baseline, requireBaseline } = options;
  const base = { name, file, seedsWanted: options.seeds, seeds };
  if (seeds.length === 0) return { ...base, status: "not-run", notes: ["the time was over before it could run"], targets: [], compared: [] };
  const targets = judge(
    asked,
    seeds.map(({ metrics }) => metrics),
  );
  const before = baseline?.scenarios.get(name);
  const pairs = before === undefined ? [] : pairsOf(before, seeds);
  const compared = compareFigures(pairs, baseline?.tolerances ?? []);
  const lost = lostFigures(pairs, baseline);
  const absent = before === undefined && (baseline !== null || requireBaseline);
  const unpaired = before !== undefined && pairs.length === 0;
  const notes = notesOf({ played: seeds.length, wanted: options.seeds, paired: pairs.length, absent, unpaired, lost });
  const strictly: readonly Status[] = (absent || unpaired) && requireBaseline ? ["fail"] : unpaired || lost.length > 0 ? ["inconclusive"] : [];
  return { ...base, status: worstOf([statusOf(overall(targets), compared), ...strictly]), notes, targets, compared };
}

interface Compared {
  /** Seeds: with a result, asked for, and in the baseline too. */
  readonly played: number;
  readonly wanted: number;
  readonly paired: number;
  /** The scenario is not in the baseline; it is, and none of these seeds. */
  readonly absent: boolean;
  readonly unpaired: boolean;
  readonly lost: readonly MetricName[];
}

function notesOf({ played, wanted, paired, absent, unpaired, lost }: Compared): readonly string[] {
  const notes: string[] = [];
  if (played < wanted) notes.push(`the time was over after ${played} of ${wanted} seeds`);
  if (absent) notes.push("not in the baseline: --update adds it");
  if (unpaired) notes.push("no seed of it is in the baseline: --update writes these");
  if (paired > 0 && paired < played) notes.push(`compared over ${paired} of ${played} seeds: the baseline has no others; --update writes these`);
  if (lost.length > 0) notes.push(`known in the baseline and not now: ${lost.join(", ")}`);
  return notes;
}

function pairsOf(before: readonly SeedFigures[], after: readonly SeedFigures[]): readonly Pair[] {
  return after.flatMap(({ seed, metrics }) => {
    const old = before.find((candidate) => candidate.seed === seed);
    return old === undefined ? [] : [{ seed, before: old.metrics, after: metrics }];
  });
}

/** A price that went missing must not look like a cost that has not changed. */
function lostFigures(pairs: readonly Pair[], baseline: Baseline | null): readonly MetricName[] {
  const metrics = (baseline?.tolerances ?? []).map(({ metric }) => metric);
  return metrics.filter((metric) => pairs.some(({ before, after }) => before[metric] !== null && after[metric] === null));
}
