import { describe, expect, test } from "vitest";
import { EndWheel } from "../../../../../simulator/core/engine/fast/end-wheel.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";

function wheelOf(...endCalls: readonly number[]): EndWheel {
  const wheel = new EndWheel();
  for (const [id, endCall] of endCalls.entries()) {
    const sequence = new Sequence(id);
    sequence.endCall = endCall;
    wheel.file(sequence);
  }
  return wheel;
}

describe("the wheel of ends", () => {
  test("finds the next end, the call itself included", () => {
    const wheel = wheelOf(40, 71, 900);
    expect([0, 40, 41, 71, 72].map((call) => wheel.earliestFrom(call))).toEqual([40, 40, 71, 71, 900]);
  });

  test("passes over the ends of later turns that lie in the same bucket", () => {
    const wheel = wheelOf(40 + 1024, 71 + 3072, 500);
    expect(wheel.earliestFrom(0)).toBe(500);
    expect(wheel.earliestFrom(1000)).toBe(1064);
  });

  test("goes one turn ahead at most", () => {
    expect(wheelOf().earliestFrom(7)).toBe(7 + 1024);
    expect(wheelOf(40 + 2048).earliestFrom(7)).toBe(7 + 1024);
  });
});
