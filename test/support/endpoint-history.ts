import * as fc from "fast-check";
import type { Instant, Out } from "../../router/core/machine.ts";
import { micros } from "../../router/core/time.ts";
import type { EndpointCommand, EndpointEvent, EndpointModel, FaultState } from "../../simulator/core/endpoint.ts";
import { healthy } from "../../simulator/core/endpoint.ts";

export interface TimedCommand {
  readonly at: number;
  readonly command: EndpointCommand;
}

export class CommandRecorder implements Out<EndpointCommand> {
  readonly commands: TimedCommand[] = [];
  emit(command: EndpointCommand, at: Instant): void {
    this.commands.push({ at, command });
  }
}

/** What a driver may do, before call ids are handed out: `call` and `abort` are resolved against the slots that are free or taken by then. */
export type Move =
  | { readonly kind: "call"; readonly wait: number; readonly inputTokens: number; readonly outputTokens: number; readonly outputTokensMax: number }
  | { readonly kind: "abort"; readonly wait: number; readonly which: number }
  | { readonly kind: "fault"; readonly wait: number; readonly fault: FaultState };

const wait = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000_000 }) });

export const anyMove: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      wait,
      inputTokens: fc.integer({ min: 1, max: 1_200 }),
      outputTokens: fc.integer({ min: 1, max: 40 }),
      outputTokensMax: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("abort" as const), wait, which: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      wait,
      fault: fc.record({
        down: fc.boolean(),
        errorRate: fc.constantFrom(0, 0, 0.5),
        overloadRate: fc.constantFrom(0, 0, 0.3),
        slowdown: fc.constantFrom(1, 1, 2, 3.7),
        cutRate: fc.constantFrom(0, 0, 0.4),
        silent: fc.constantFrom(false, false, true),
        unreachable: fc.constantFrom(false, false, true),
        delay: fc.constantFrom(0, 0, 0, 1_000).map(micros),
        loss: fc.constantFrom(0, 0, 0, 0.3),
      }),
    }),
  },
);

export interface TimedEvent {
  readonly at: number;
  readonly event: EndpointEvent;
}

const patience = { connect: micros(2_500), idle: micros(7_000) };
const end = 1e12 as Instant;

/** The moves as events, found by a driver that wakes the machine at every deadline. Call slots are used again as soon as the contract allows. */
export function resolveMoves(model: EndpointModel, moves: readonly Move[]): { events: TimedEvent[]; commands: TimedCommand[] } {
  const recorder = new CommandRecorder();
  const events: TimedEvent[] = [];
  const open: number[] = [];
  let now = 0;
  let serial = 0;
  let seen = 0;
  const settle = (): void => {
    for (; seen < recorder.commands.length; seen += 1) {
      const command = recorder.commands[seen]?.command;
      if (command === undefined || command.kind === "emit-tokens") continue;
      const place = open.indexOf(command.call);
      if (place < 0) throw new Error(`a last command for call ${command.call}, which is not open`);
      open.splice(place, 1);
    }
  };
  for (const move of moves) {
    const at = now + move.wait;
    if (at > now) wakePunctually(model, at - 1, recorder);
    settle();
    now = at;
    serial += 1;
    const event = eventOf(move, open, serial);
    if (event === null) continue;
    events.push({ at, event });
    model.handle(event, at as Instant, recorder);
    settle();
  }
  // A line that stays silent would keep its calls open for ever.
  const cure: TimedEvent = { at: now, event: { kind: "fault-changed", fault: healthy } };
  events.push(cure);
  model.handle(cure.event, now as Instant, recorder);
  wakePunctually(model, end, recorder);
  settle();
  if (open.length > 0) throw new Error(`calls ${open.join(", ")} never had a last command`);
  return { events, commands: recorder.commands };
}

/** @param wakes shares of each gap between two events at which the machine is woken; none: only events move it until the end. */
export function playEvents(model: EndpointModel, events: readonly TimedEvent[], wakes: readonly number[]): TimedCommand[] {
  const recorder = new CommandRecorder();
  let now = 0;
  for (const { at, event } of events) {
    const instants = wakes.map((share) => now + Math.floor(share * (at - now))).filter((wake) => wake < at);
    for (const wake of instants.sort((one, other) => one - other)) wakeOnce(model, wake as Instant, recorder);
    model.handle(event, at as Instant, recorder);
    now = at;
  }
  wakeOnce(model, end, recorder);
  return recorder.commands;
}

function wakePunctually(model: EndpointModel, until: number, recorder: CommandRecorder): void {
  for (let due = model.nextDeadline(); due <= until; due = model.nextDeadline()) wakeOnce(model, due, recorder);
}

function wakeOnce(model: EndpointModel, at: Instant, recorder: CommandRecorder): void {
  model.wake(at, recorder);
  if (model.nextDeadline() <= at) throw new Error("law 3: a deadline is left after wake");
}

function eventOf(move: Move, open: number[], serial: number): EndpointEvent | null {
  switch (move.kind) {
    case "call": {
      let slot = 0;
      while (open.includes(slot)) slot += 1;
      open.push(slot);
      const { inputTokens, outputTokens, outputTokensMax } = move;
      return { kind: "call-received", call: slot as never, serial, inputTokens, blocks: null, outputTokens, outputTokensMax, priority: 0, patience };
    }
    case "abort": {
      const call = open[move.which % Math.max(1, open.length)];
      if (call === undefined) return null;
      return { kind: "call-aborted", call: call as never };
    }
    case "fault":
      return { kind: "fault-changed", fault: move.fault };
  }
}
