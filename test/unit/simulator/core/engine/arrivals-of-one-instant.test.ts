import { expect, test } from "vitest";
import type { Instant } from "../../../../../router/core/machine.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

test.each([true, false])(
  "what arrives at the instant of a wake comes in together, since deadlines of that instant are not before it; asynchronous: %s",
  (asyncScheduling) => {
    const play = new EnginePlay(smallSpec({}, { asyncScheduling }));
    play.engine.wake(0 as Instant, { emit: (command) => expect(command).toBe(null) });
    const ids = [play.submit(10, 1), play.submit(20, 1)];
    play.finish();
    for (const id of ids) expect(play.times("emit-tokens", id)).toEqual([1000]);
  },
);
