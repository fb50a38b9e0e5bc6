import { expect, test } from "vitest";
import type { FaultSpec } from "../../../../../simulator/core/compiled-scenario.ts";
import { BreakerJudge } from "../../../../../simulator/core/measure/breaker-judge.ts";
import { defaultScenario } from "../../../../support/default-scenario.ts";

const second = 1_000_000;
const down = (endpoint: number, at: number, until: number): FaultSpec =>
  ({ endpoint, at: at * second, until: until * second, fault: { kind: "down" } }) as never;
interface Play {
  readonly judge: BreakerJudge;
  readonly attempt: (endpoint: number, from: number, to: number, failed: boolean) => void;
  readonly change: (endpoint: number, to: "open" | "half-open" | "closed", at: number) => void;
}
function play(faults: readonly FaultSpec[]): Play {
  const judge = new BreakerJudge(defaultScenario({ endpoints: 2 }).config, faults);
  return {
    judge,
    attempt: (endpoint, from, to, failed) => judge.attemptEnded(endpoint as never, (from * second) as never, (to * second) as never, failed),
    change: (endpoint, to, at) => judge.breakerChanged(endpoint as never, to, (at * second) as never),
  };
}

test("time to open counts from the first failure met, time to close from the trouble's end", () => {
  const { judge, attempt, change } = play([down(0, 10, 40)]);
  attempt(0, 5, 9, false);
  attempt(0, 12, 13, true);
  attempt(0, 14, 15, true);
  change(0, "open", 15);
  change(0, "half-open", 30);
  change(0, "open", 31);
  change(0, "half-open", 46);
  change(0, "closed", 47);
  const judgement = judge.judgement(0 as never);
  expect(judgement).toMatchObject({ troubles: 1, met: 1, openings: 2, falsePositives: 0, missed: 0 });
  expect(judgement.timeToOpenMs?.p50).toBe(2000);
  expect(judgement.timeToCloseMs?.p50).toBe(7000);
  expect(judge.judgement(1 as never)).toMatchObject({ troubles: 0, openings: 0 });
});

test("an opening without a trouble is false, also one after its end; but not while failures that began in it come in", () => {
  const { judge, attempt, change } = play([down(0, 10, 20)]);
  change(0, "open", 5);
  attempt(0, 19, 25, true);
  change(0, "open", 25);
  change(0, "open", 26);
  change(1, "open", 15);
  expect(judge.judgement(0 as never)).toMatchObject({ openings: 3, falsePositives: 2 });
  expect(judge.judgement(1 as never)).toMatchObject({ openings: 1, falsePositives: 1 });
  expect(judge.judgement(null)).toMatchObject({ openings: 4, falsePositives: 3 });
});

test("a trouble in which enough attempts failed and nothing opened is missed; one that hardly anybody met is not", () => {
  const { judge, attempt } = play([down(0, 10, 20), down(0, 30, 40), down(1, 10, 20)]);
  for (let at = 11; at < 17; at += 1) attempt(0, at, at + 1, true);
  for (let at = 31; at < 34; at += 1) attempt(0, at, at + 1, true);
  for (let at = 11; at < 20; at += 1) attempt(1, at, at + 0.5, at % 3 === 0);
  expect(judge.judgement(0 as never)).toMatchObject({ troubles: 2, met: 2, missed: 1, timeToOpenMs: null });
  expect(judge.judgement(1 as never)).toMatchObject({ met: 1, missed: 0 });
});

test("faults of one endpoint that overlap or touch are one trouble", () => {
  expect(play([down(0, 10, 20), down(0, 15, 30), down(0, 30, 35), down(0, 36, 37)]).judge.judgement(0 as never).troubles).toBe(2);
});
