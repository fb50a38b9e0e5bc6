import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fillBucket, makeMinuteBucket, waitFor } from "../../../../../simulator/core/hosted/minute-bucket.ts";

const minute = 60_000_000;

test("many looks gain exactly what one look gains", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000_000_000 }), fc.array(fc.integer({ min: 1, max: 2_000_000 }), { maxLength: 30 }), (perMinute, steps) => {
      const often = makeMinuteBucket(perMinute);
      const once = makeMinuteBucket(perMinute);
      often.level = 0;
      once.level = 0;
      let now = 0;
      for (const step of steps) {
        now += step;
        fillBucket(often, now as never);
      }
      fillBucket(once, now as never);
      expect(often).toEqual(once);
      expect(once.level).toBe(Math.min(perMinute, Number((BigInt(now) * BigInt(perMinute)) / BigInt(minute))));
    }),
  );
});

test("the wait is true: enough after it, not enough a microsecond before", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000_000_000 }),
      fc.integer({ min: 0, max: minute }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (perMinute, start, share) => {
        const bucket = makeMinuteBucket(perMinute);
        bucket.level = 0;
        fillBucket(bucket, start as never);
        const amount = Math.max(1, Math.floor(share * perMinute));
        const wait = waitFor(bucket, amount);
        if (wait === null) throw new Error("must fit");
        if (wait > 0) {
          const early = { ...bucket };
          fillBucket(early, (start + wait - 1) as never);
          expect(early.level).toBeLessThan(amount);
        }
        fillBucket(bucket, (start + wait) as never);
        expect(bucket.level).toBeGreaterThanOrEqual(amount);
      },
    ),
  );
});

test("what is larger than a minute's worth never fits", () => {
  expect(waitFor(makeMinuteBucket(10), 11)).toBe(null);
});
