import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Instant, Machine, Out } from "../../../../../router/core/machine.ts";
import { never } from "../../../../../router/core/time.ts";
import { InOrder } from "../../../../../simulator/core/kernel/in-order.ts";
import { type Driven, type Source, VirtualDriver } from "../../../../../simulator/core/kernel/virtual-driver.ts";

/** What somebody does when it is told something, woken, or happens: whom it tells what with which rank, and in how long it wants to be woken. */
interface Move {
  readonly tells: readonly { readonly machine: number; readonly rank: 0 | 1 }[];
  readonly sleeps: number | null;
}
interface Play {
  /** By machine, its moves in turn; when they are used up it does nothing more. */
  readonly machines: readonly (readonly Move[])[];
  readonly sources: readonly (readonly { readonly at: Instant; readonly move: Move }[])[];
}

/** Writes down whatever happens to it, and plays its moves. */
class Player implements Machine<number, never> {
  readonly #name: number;
  readonly #moves: readonly Move[];
  readonly #act: (move: Move) => void;
  readonly #log: string[];
  #turn = 0;
  #at = never;

  constructor(name: number, moves: readonly Move[], log: string[], act: (move: Move) => void) {
    this.#name = name;
    this.#moves = moves;
    this.#log = log;
    this.#act = act;
    this.#at = 0 as Instant;
  }

  handle(event: number, now: Instant): void {
    this.#log.push(`${now} tells ${this.#name} ${event}`);
    this.#play(now);
  }

  wake(now: Instant): void {
    this.#log.push(`${now} wakes ${this.#name}`);
    this.#at = never;
    this.#play(now);
  }

  nextDeadline(): Instant {
    return this.#at;
  }

  #play(now: Instant): void {
    const move = this.#moves[this.#turn];
    this.#turn += 1;
    if (move === undefined) return;
    this.#at = move.sleeps === null ? never : ((now + move.sleeps) as Instant);
    this.#act(move);
  }
}

/** The rules of the order, as they read: looks at everything each time. */
function playSlowly(play: Play): string[] {
  const log: string[] = [];
  const due: { readonly machine: number; readonly rank: number; readonly event: number }[] = [];
  let events = 0;
  const act = ({ tells }: Move): void => {
    for (const { machine, rank } of tells) due.push({ machine, rank, event: (events += 1) });
  };
  const machines = play.machines.map((moves, name) => new Player(name, moves, log, act));
  const sources = play.sources.map((changes) => [...changes]);
  let now = 0 as Instant;
  for (;;) {
    const [first] = due.toSorted((one, other) => one.rank - other.rank || one.event - other.event);
    if (first !== undefined) {
      due.splice(due.indexOf(first), 1);
      machines[first.machine]?.handle(first.event, now);
      continue;
    }
    const next = Math.min(...sources.map(([change]) => change?.at ?? never), ...machines.map((machine) => machine.nextDeadline()));
    if (next === never) return log;
    now = next as Instant;
    const source = sources.find(([change]) => change?.at === now);
    if (source === undefined) machines.find((machine) => machine.nextDeadline() === now)?.wake(now);
    else {
      log.push(`${now} happens`);
      const change = source.shift();
      if (change !== undefined) act(change.move);
    }
  }
}

function drive(play: Play, sourceOf: (changes: Play["sources"][number], apply: (move: Move) => void) => Source): string[] {
  const log: string[] = [];
  const driver = new VirtualDriver();
  const driven: Driven<number>[] = [];
  let events = 0;
  const act = ({ tells }: Move): void => {
    for (const { machine, rank } of tells) driven[machine]?.post((events += 1), rank);
  };
  const nowhere: Out<never> = { emit: () => undefined };
  for (const [name, moves] of play.machines.entries()) driven.push(driver.addMachine(new Player(name, moves, log, act), nowhere));
  for (const changes of play.sources) {
    const source = sourceOf(changes, (move) => {
      log.push(`${driver.now} happens`);
      act(move);
    });
    driver.addSource(source);
  }
  while (driver.advance(7));
  return log;
}

const anyMove: fc.Arbitrary<Move> = fc.record({
  tells: fc.array(fc.record({ machine: fc.nat(3), rank: fc.constantFrom(0 as const, 1 as const) }), { maxLength: 3 }),
  sleeps: fc.option(fc.integer({ min: 1, max: 3 })),
});
const anyPlay: fc.Arbitrary<Play> = fc.record({
  machines: fc.array(fc.array(anyMove, { maxLength: 12 }), { minLength: 4, maxLength: 4 }),
  sources: fc.array(
    fc
      .array(fc.record({ at: fc.nat(8).map((at) => at as Instant), move: anyMove }), { maxLength: 6 })
      .map((changes) => changes.toSorted((one, other) => one.at - other.at)),
    { maxLength: 3 },
  ),
});

test("of one instant outcomes come first, then arrivals, then sources, then machines, each in order", () => {
  fc.assert(
    fc.property(anyPlay, (play) => {
      expect(drive(play, (changes, apply) => new InOrder(changes, ({ move }) => apply(move)))).toEqual(playSlowly(play));
    }),
    { numRuns: 500 },
  );
});

test("a source may be asked from any instant on before it has something", () => {
  fc.assert(
    fc.property(anyPlay, fc.nat(3), (play, early) => {
      const cautious = (changes: Play["sources"][number], apply: (move: Move) => void): Source => {
        const inner = new InOrder(changes, ({ move }) => apply(move));
        return {
          get notBefore() {
            return (inner.notBefore - early) as Instant;
          },
          nextAt: () => inner.nextAt(),
          happen: (now) => inner.happen(now),
        };
      };
      expect(drive(play, cautious)).toEqual(playSlowly(play));
    }),
    { numRuns: 200 },
  );
});

test("a machine that takes another's place is told what comes from then on, and woken when the other was due", () => {
  const log: string[] = [];
  const driver = new VirtualDriver();
  const player = (name: number): Player => new Player(name, [{ tells: [], sleeps: 5 }], log, () => undefined);
  const driven = driver.addMachine(player(1), { emit: () => undefined });
  driver.addSource(
    new InOrder([{ at: 2 as Instant }], () => {
      driven.machine = player(2);
    }),
  );
  while (driver.advance(7));
  expect(log).toEqual(["0 wakes 1", "5 wakes 2", "10 wakes 2"]);
});
