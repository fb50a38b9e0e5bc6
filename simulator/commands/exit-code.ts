import type { Verdict } from "../core/measure/verdicts.ts";

/** What a verdict means to the shell. A scenario that cannot run here, and one without targets, breaks nothing. */
export function exitCodeOf(verdict: Verdict): number {
  switch (verdict) {
    case "pass":
    case "not-applicable":
      return 0;
    case "fail":
      return 1;
    case "inconclusive":
    case "invalid":
      return 3;
  }
}
