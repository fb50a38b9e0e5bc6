import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import type { Instant, Machine, Out } from "../../../../router/core/machine.ts";
import { never } from "../../../../router/core/time.ts";
import type { HostTimers, TimerHandle } from "../../../../router/drivers/host-timers.ts";
import { RealtimeDriver, type Recorded } from "../../../../router/drivers/realtime-driver.ts";

interface Seen {
  readonly name: string;
  readonly rank: number;
}
type Call = `${string}@${number}`;

/** Deadlines are given by hand; everything that reaches it is written down. */
class Probe implements Machine<Seen, string> {
  readonly calls: Call[] = [];
  readonly deadlines: number[] = [];
  #inside = false;

  handle(event: Seen, now: Instant, out: Out<string>): void {
    this.#enter();
    this.#expire(now, out, false);
    this.calls.push(`${event.name}@${now}`);
    out.emit(event.name, now);
    this.#inside = false;
  }

  wake(now: Instant, out: Out<string>): void {
    this.#enter();
    this.#expire(now, out, true);
    this.#inside = false;
  }

  nextDeadline(): Instant {
    return (this.deadlines[0] ?? Infinity) as Instant;
  }

  #enter(): void {
    if (this.#inside) throw new Error("re-entered");
    this.#inside = true;
  }

  #expire(now: Instant, out: Out<string>, inclusive: boolean): void {
    for (let next = this.deadlines[0]; next !== undefined && (next < now || (inclusive && next === now)); next = this.deadlines[0]) {
      this.deadlines.shift();
      this.calls.push(`deadline@${next}`);
      out.emit("deadline", next as Instant);
    }
  }
}

/** Time stands still unless it is moved; timers and immediates fire when they are told to. */
class FakeHost implements HostTimers {
  now = 0;
  timer: { call: () => void; dueMs: number; waitMs: number } | null = null;
  immediate: (() => void) | null = null;
  readonly clock = (): Instant => this.now as Instant;

  setTimer(call: () => void, waitMs: number): TimerHandle {
    this.timer = { call, dueMs: this.now / 1000 + waitMs, waitMs };
    return 1 as TimerHandle;
  }

  clearTimer(): void {
    this.timer = null;
  }

  setImmediate(call: () => void): TimerHandle {
    this.immediate = call;
    return 2 as TimerHandle;
  }

  clearImmediate(): void {
    this.immediate = null;
  }

  fireTimer(): void {
    const { timer } = this;
    this.timer = null;
    timer?.call();
  }

  fireImmediate(): void {
    const { immediate } = this;
    this.immediate = null;
    immediate?.();
  }
}

function driven(
  options: {
    carryOut?: (command: string, submit: (event: Seen) => void) => void;
    onStall?: (from: Instant, to: Instant) => void;
    isStale?: (event: Seen) => boolean;
  } = {},
) {
  const machine = new Probe();
  const host = new FakeHost();
  const recorded: Recorded<Seen, string>[] = [];
  const commands: string[] = [];
  const driver: RealtimeDriver<Seen, string> = new RealtimeDriver<Seen, string>(machine, {
    rank: (event) => event.rank,
    carryOut: (command) => {
      commands.push(command);
      options.carryOut?.(command, (event) => driver.submit(event));
    },
    clock: host.clock,
    timers: host,
    record: (entry) => recorded.push(entry),
    ...(options.onStall === undefined ? {} : { onStall: options.onStall }),
    ...(options.isStale === undefined ? {} : { isStale: options.isStale }),
  });
  return { machine, host, recorded, commands, driver };
}

const outcome = (name: string): Seen => ({ name, rank: 0 });
const arrival = (name: string): Seen => ({ name, rank: 1 });

describe("a machine on the wall clock", () => {
  test("an event is handled at once, at the clock's instant", () => {
    const { machine, host, driver } = driven();
    host.now = 123;
    driver.submit(arrival("a"));
    expect(machine.calls).toEqual(["a@123"]);
    expect(host.timer).toBeNull();
  });

  test("what is submitted while commands are carried out is handled afterwards, by rank and then in order", () => {
    const { machine, host, driver } = driven({
      carryOut: (command, submit) => {
        if (command !== "a") return;
        submit(arrival("late"));
        submit(outcome("first"));
        submit(outcome("second"));
      },
    });
    host.now = 10;
    driver.submit(outcome("a"));
    expect(machine.calls).toEqual(["a@10", "first@10", "second@10", "late@10"]);
  });

  test("an event of a lower rank at the same microsecond is stamped one later, so that (instant, rank, sequence) stays the order", () => {
    const { machine, host, driver } = driven();
    host.now = 10;
    driver.submit(arrival("a"));
    driver.submit(outcome("b"));
    expect(machine.calls).toEqual(["a@10", "b@11"]);
  });

  test("one timer, never early, set for the deadline in whole milliseconds", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(2500);
    driver.submit(arrival("a"));
    expect(host.timer?.waitMs).toBe(3);
    host.now = 2400;
    host.fireTimer();
    expect(machine.calls).toEqual(["a@0"]);
    expect(host.timer?.waitMs).toBe(1);
    host.now = 2500;
    host.fireTimer();
    expect(machine.calls).toEqual(["a@0", "deadline@2500"]);
    expect(host.timer).toBeNull();
  });

  test("an earlier deadline moves the timer, a later one leaves it", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(50_000);
    driver.submit(arrival("a"));
    machine.deadlines.unshift(20_000);
    driver.submit(arrival("b"));
    expect(host.timer?.dueMs).toBe(20);
    machine.deadlines.shift();
    driver.submit(arrival("c"));
    expect(host.timer?.dueMs).toBe(20);
    host.now = 20_000;
    host.fireTimer();
    expect(host.timer?.dueMs).toBe(50);
    expect(machine.calls.some((call) => call.startsWith("deadline"))).toBe(false);
  });

  test("no timer waits longer than an hour", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(30 * 24 * 3600 * 1e6);
    driver.submit(arrival("a"));
    expect(host.timer?.waitMs).toBe(3_600_000);
  });

  test("after a wake events are stamped later than it: an event at a deadline's instant means the same as in virtual time", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    host.now = 1000;
    host.fireTimer();
    driver.submit(outcome("b"));
    expect(machine.calls).toEqual(["a@0", "deadline@1000", "b@1001"]);
  });

  test("an event at the deadline's own instant comes before it", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    host.now = 1000;
    driver.submit(outcome("b"));
    host.fireTimer();
    expect(machine.calls).toEqual(["a@0", "b@1000", "deadline@1000"]);
  });

  test("a late timer lets one poll phase pass, and what comes in then is handled as of the deadline, outcomes first", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    host.now = 300_000;
    host.fireTimer();
    expect(machine.calls).toEqual(["a@0"]);
    driver.submit(arrival("new"));
    driver.submit(outcome("answer"));
    expect(machine.calls).toEqual(["a@0"]);
    host.fireImmediate();
    expect(machine.calls).toEqual(["a@0", "answer@1000", "new@1000", "deadline@1000"]);
    driver.submit(outcome("b"));
    expect(machine.calls.at(-1)).toBe("b@300001");
  });

  test("an event that comes in before the late timer has fired is handled as of the deadline too, without waiting for it", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    host.now = 50_000;
    driver.submit(outcome("answer"));
    host.fireImmediate();
    expect(machine.calls).toEqual(["a@0", "answer@1000"]);
    host.fireTimer();
    host.fireImmediate();
    expect(machine.calls.at(-1)).toBe("deadline@1000");
  });

  test("lateness of up to 5 ms is ordinary: the clock's instant counts", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    host.now = 5000;
    driver.submit(outcome("b"));
    expect(machine.calls).toEqual(["a@0", "deadline@1000", "b@5000"]);
  });

  test("an event that was overtaken while it was queued is dropped, and not recorded", () => {
    const { machine, host, driver, recorded } = driven({ isStale: (event) => event.name === "stale" });
    host.now = 5;
    driver.submit(arrival("stale"));
    driver.submit(arrival("a"));
    expect(machine.calls).toEqual(["a@5"]);
    expect(recorded.filter((entry) => entry.kind === "event")).toHaveLength(1);
  });

  test("a command that throws leaves the machine whole", () => {
    const { machine, driver } = driven({
      carryOut: (command) => {
        if (command === "a") throw new Error("cannot");
      },
    });
    expect(() => driver.submit(arrival("a"))).toThrow("cannot");
    driver.submit(arrival("b"));
    expect(machine.calls).toEqual(["a@0", "b@0"]);
  });

  test("a stall above 250 ms is reported, and known to attempts that overlapped it", () => {
    const stalls: [number, number][] = [];
    const { machine, host, driver } = driven({ onStall: (from, to) => stalls.push([from, to]) });
    machine.deadlines.push(10_000_000);
    driver.submit(arrival("a"));
    for (const now of [25_000, 50_000, 75_000]) {
      host.now = now;
      host.fireTimer();
    }
    expect(host.timer?.waitMs).toBe(25);
    expect(driver.stalledSince(0 as Instant)).toBe(false);
    host.now = 400_000;
    expect(driver.stalledSince(80_000 as Instant)).toBe(true);
    host.fireTimer();
    expect(stalls).toEqual([[75_000, 400_000]]);
    host.now = 410_000;
    expect(driver.stalledSince(400_001 as Instant)).toBe(false);
  });

  test("idle time is no stall", () => {
    const stalls: unknown[] = [];
    const { machine, host, driver } = driven({ onStall: (from, to) => stalls.push([from, to]) });
    driver.submit(arrival("a"));
    host.now = 60_000_000;
    machine.deadlines.push(61_000_000);
    driver.submit(arrival("b"));
    expect(stalls).toEqual([]);
  });

  test("a stopped driver does nothing any more", () => {
    const { machine, host, driver } = driven();
    machine.deadlines.push(1000);
    driver.submit(arrival("a"));
    driver.stop();
    expect(host.timer).toBeNull();
    driver.submit(arrival("b"));
    expect(machine.calls).toEqual(["a@0"]);
  });
});

describe("on the real clock", () => {
  test("deadlines are absolute: a hundred steps of 3 ms do not drift, and none is early", async () => {
    const late: number[] = [];
    const step = 3000;
    let next = 0;
    await new Promise<void>((resolve) => {
      const machine: Machine<null, number> = {
        handle: (_event, now, out) => {
          next = now + step;
          out.emit(0, now);
        },
        wake: (now, out) => {
          while (next <= now) {
            out.emit(now - next, next as Instant);
            next += step;
          }
        },
        nextDeadline: () => (next === 0 ? never : (next as Instant)),
      };
      const driver: RealtimeDriver<null, number> = new RealtimeDriver<null, number>(machine, {
        rank: () => 0,
        carryOut: (lateness) => {
          late.push(lateness);
          if (late.length < 101) return;
          driver.stop();
          resolve();
        },
      });
      driver.submit(null);
    });
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    const sorted = late.toSorted((one, other) => one - other);
    expect(sorted[50]).toBeLessThan(3000);
  });

  test("an answer that lies in the socket during a stall is not timed out", async () => {
    const calls: string[] = [];
    const deadlines = [Infinity];
    const machine: Machine<string, string> = {
      handle: (event, now) => {
        if ((deadlines[0] ?? Infinity) < now) calls.push("timed out");
        calls.push(event);
        deadlines[0] = event === "start" ? now + 20_000 : Infinity;
      },
      wake: (now) => {
        if ((deadlines[0] ?? Infinity) > now) return;
        calls.push("timed out");
        deadlines[0] = Infinity;
      },
      nextDeadline: () => (deadlines[0] ?? Infinity) as Instant,
    };
    const driver = new RealtimeDriver<string, string>(machine, { rank: () => 0, carryOut: () => undefined });
    const server = createServer((socket) =>
      socket.on("data", () => {
        // The answer is on its way; then everything stands still until long after the deadline.
        socket.write("answer");
        const end = performance.now() + 60;
        while (performance.now() < end);
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const answered = new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write("ask");
        driver.submit("start");
      });
      socket.on("data", () => {
        driver.submit("answer");
        setTimeout(resolve, 20);
        socket.destroy();
      });
    });
    await answered;
    server.close();
    driver.stop();
    expect(calls).toEqual(["start", "answer"]);
  });
});
