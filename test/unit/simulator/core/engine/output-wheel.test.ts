import { describe, expect, test } from "vitest";
import { OutputWheel } from "../../../../../simulator/core/engine/fast/output-wheel.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";

function wheelOf(...calls: readonly number[]): OutputWheel {
  const wheel = new OutputWheel();
  for (const [id, call] of calls.entries()) wheel.file(new Sequence(id), call);
  return wheel;
}

describe("the wheel of outputs", () => {
  test("finds the next one, the call itself included", () => {
    const wheel = wheelOf(40, 71, 900);
    expect([0, 40, 41, 71, 72].map((call) => wheel.earliestFrom(call))).toEqual([40, 40, 71, 71, 900]);
  });

  test("passes over those of later turns that lie in the same bucket", () => {
    const wheel = wheelOf(40 + 1024, 71 + 3072, 500);
    expect(wheel.earliestFrom(0)).toBe(500);
    expect(wheel.earliestFrom(1000)).toBe(1064);
  });

  test("goes one turn ahead at most", () => {
    expect(wheelOf().earliestFrom(7)).toBe(7 + 1024);
    expect(wheelOf(40 + 2048).earliestFrom(7)).toBe(7 + 1024);
  });
});
