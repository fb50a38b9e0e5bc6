import { expect, test } from "vitest";
import { millis, seconds } from "../../../../router/core/time.ts";
import { Later } from "../../../../simulator/core/kernel/later.ts";
import { Scrape } from "../../../../simulator/core/scrape.ts";

test("after a while in which nothing was open it goes on with the next turn, and never with one that is past", () => {
  let now = 0;
  let wanted = true;
  const seen: number[] = [];
  const scrape = new Scrape({
    spec: { every: seconds(1), delay: millis(100) },
    replicas: 3,
    endpoints: [0 as never],
    later: new Later(),
    now: () => now as never,
    wanted: () => wanted,
    observe: (_endpoint, at) => {
      seen.push(at);
      return { running: 0, waiting: 0, kvUsed: 0 } as never;
    },
    tell: () => undefined,
  });
  const happen = (): void => {
    now = scrape.nextAt();
    scrape.happen(now as never);
  };
  happen();
  happen();
  wanted = false;
  expect(scrape.nextAt()).toBe(Infinity);
  now = 20_400_000;
  wanted = true;
  happen();
  happen();
  expect(seen).toEqual([0, 333_333, 20_666_666, 21_000_000]);
});
