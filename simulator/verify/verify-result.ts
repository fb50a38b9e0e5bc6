import type { TargetVerdict, Verdict } from "../core/measure/verdicts.ts";
import type { SeedFigures } from "../result/run-result.ts";
import type { ComparedFigure } from "./compare-figures.ts";

/** What became of a scenario: its verdict, or `not-run`: the time was over before its first seed. */
export type Status = Verdict | "not-run";

export interface ScenarioOutcome {
  readonly name: string;
  readonly file: string;
  readonly status: Status;
  /** Why, where no figure says it: absent trace, time over, no baseline. */
  readonly notes: readonly string[];
  readonly seedsWanted: number;
  readonly seeds: readonly SeedFigures[];
  readonly targets: readonly TargetVerdict[];
  /** Against the baseline, over the seeds that both have; empty without one. */
  readonly compared: readonly ComparedFigure[];
}

export interface VerifyResult {
  readonly version: 1;
  readonly kind: "verify";
  readonly status: Status;
  readonly scenarios: readonly ScenarioOutcome[];
  /** Of the run as a whole. */
  readonly notices: readonly string[];
}

const worstFirst: readonly Status[] = ["fail", "invalid", "inconclusive", "not-run", "pass", "not-applicable"];

export function worstOf(statuses: readonly Status[]): Status {
  return worstFirst.find((status) => statuses.includes(status)) ?? "not-applicable";
}

/** Targets and comparison together: a regression fails, and a doubtful one is inconclusive. Equal figures pass even without targets. */
export function statusOf(targets: Verdict, compared: readonly ComparedFigure[]): Status {
  const changes = compared.map(({ change }): Status => (change === "worse" ? "fail" : change === "inconclusive" ? "inconclusive" : "pass"));
  return worstOf([targets, ...changes]);
}

export function exitCodeOfVerify(status: Status, inconclusive: "warn" | "fail"): number {
  switch (status) {
    case "fail":
      return 1;
    case "invalid":
      return 3;
    case "inconclusive":
    case "not-run":
      return inconclusive === "fail" ? 3 : 0;
    case "pass":
    case "not-applicable":
      return 0;
  }
}
