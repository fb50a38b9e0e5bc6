import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GoogleTokens } from "../../../../router/providers/vertex/google-tokens.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const minuteMs = 60_000;

test("a token is fetched at once, renewed before its end, and read without waiting", async () => {
  let fetched = 0;
  const tokens = new GoogleTokens(
    () => undefined,
    async () => Promise.resolve({ token: `ya29.${(fetched += 1)}`, expiresMs: Date.now() + 60 * minuteMs }),
  );
  const source = tokens.source(null);
  expect(source()).toBeNull();
  await tokens.ready(1000);
  expect(source()).toBe("ya29.1");
  await vi.advanceTimersByTimeAsync(54 * minuteMs);
  expect(source()).toBe("ya29.1");
  await vi.advanceTimersByTimeAsync(2 * minuteMs);
  expect(source()).toBe("ya29.2");
  expect(tokens.source(null)()).toBe("ya29.2");
  expect(fetched).toBe(2);
  tokens.close();
  await vi.advanceTimersByTimeAsync(500 * minuteMs);
  expect(fetched).toBe(2);
});

test("a token whose renewal fails is used to its end, and never beyond; then there is none until one is had again", async () => {
  let broken = false;
  const said: string[] = [];
  const tokens = new GoogleTokens(
    (message) => said.push(message),
    async () => (broken ? Promise.reject(new Error("metadata server is away")) : Promise.resolve({ token: "ya29.x", expiresMs: Date.now() + 60 * minuteMs })),
  );
  const source = tokens.source("credentials.json");
  await tokens.ready(1000);
  broken = true;
  await vi.advanceTimersByTimeAsync(59 * minuteMs);
  expect(source()).toBe("ya29.x");
  expect(said[0]).toBe("metadata server is away");
  await vi.advanceTimersByTimeAsync(2 * minuteMs);
  expect(source()).toBeNull();
  broken = false;
  await vi.advanceTimersByTimeAsync(6_000);
  expect(source()).toBe("ya29.x");
  tokens.close();
});

test("failures are tried again later and later while the old token holds, and a try that is not answered is given up", async () => {
  const triesMs: number[] = [];
  let answers: "token" | "error" | "nothing" = "token";
  const tokens = new GoogleTokens(
    () => undefined,
    async () => {
      triesMs.push(Date.now());
      if (answers === "nothing") return new Promise(() => undefined);
      return answers === "error"
        ? Promise.reject(new Error("503"))
        : Promise.resolve({ token: `ya29.${triesMs.length}`, expiresMs: Date.now() + 60 * minuteMs });
    },
  );
  const source = tokens.source(null);
  await tokens.ready(1000);
  answers = "error";
  await vi.advanceTimersByTimeAsync(58 * minuteMs);
  const [, ...after] = triesMs.map((ms) => (ms - 55 * minuteMs) / 1000);
  expect(after).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
  answers = "nothing";
  await vi.advanceTimersByTimeAsync(minuteMs);
  expect(source()).toBe("ya29.1");
  answers = "token";
  await vi.advanceTimersByTimeAsync(2 * minuteMs);
  expect(source()).toMatch(/^ya29\.\d+$/);
  expect(source()).not.toBe("ya29.1");
  tokens.close();
});

test("a token with a short life is renewed after half of it", async () => {
  let fetched = 0;
  const tokens = new GoogleTokens(
    () => undefined,
    async () => Promise.resolve({ token: `ya29.${(fetched += 1)}`, expiresMs: Date.now() + minuteMs }),
  );
  const source = tokens.source(null);
  await tokens.ready(1000);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(source()).toBe("ya29.1");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(source()).toBe("ya29.2");
  tokens.close();
});

test("a start does not wait for ever", async () => {
  const tokens = new GoogleTokens(
    () => undefined,
    async () => new Promise(() => undefined),
  );
  tokens.source(null);
  const ready = tokens.ready(10_000);
  await vi.advanceTimersByTimeAsync(10_000);
  await expect(ready).resolves.toBeUndefined();
  tokens.close();
});
