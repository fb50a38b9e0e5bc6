import { expect, test } from "vitest";
import type { EndpointEvent, FaultState } from "../../../../../simulator/core/endpoint.ts";
import { healthy } from "../../../../../simulator/core/endpoint.ts";
import { HostedProvider } from "../../../../../simulator/core/hosted/hosted-provider.ts";
import { LinkedEndpoint } from "../../../../../simulator/core/network/linked-endpoint.ts";
import { smallHosted } from "../../../../support/small-scenario.ts";
import { CommandRecorder } from "../../../../support/endpoint-history.ts";

const ms = 1000;
const patience = { connect: 2_000 * ms, idle: 1_000 * ms } as never;
const call = (serial: number): EndpointEvent => ({
  kind: "call-received",
  call: serial as never,
  serial,
  inputTokens: 10,
  blocks: null,
  outputTokens: 11,
  outputTokensMax: 100,
  priority: 0,
  patience,
});

/** The first token comes after 30 ms, the last of 11 after 80. */
function play(events: readonly (readonly [at: number, event: EndpointEvent | Partial<FaultState>])[]): string[] {
  const options = { seed: 1, index: 0, detail: "first-token" } as const;
  const line = new LinkedEndpoint(new HostedProvider(smallHosted, options), options);
  const recorder = new CommandRecorder();
  for (const [at, event] of events)
    line.handle("kind" in event ? event : { kind: "fault-changed", fault: { ...healthy, ...event } }, (at * ms) as never, recorder);
  line.wake(1e12 as never, recorder);
  return recorder.commands.map(({ at, command }) => {
    const more =
      command.kind === "refuse-call"
        ? ` ${command.failure}`
        : command.kind === "cut-call"
          ? ` ${command.idle === true ? "idle " : ""}${command.usage.output}`
          : "";
    return `${at / ms} ${command.kind}${more}`;
  });
}

test("a sound line adds nothing; a slow one its delay each way", () => {
  expect(play([[0, call(0)]])).toEqual(["30 emit-tokens", "80 end-call"]);
  expect(
    play([
      [0, { delay: (20 * ms) as never }],
      [0, call(0)],
    ]),
  ).toEqual(["70 emit-tokens", "120 end-call"]);
});

test("nothing that was sent sooner is overtaken when the line gets faster", () => {
  expect(
    play([
      [0, { delay: (200 * ms) as never }],
      [0, call(0)],
      [250, {}],
    ]),
  ).toEqual(["430 emit-tokens", "450 end-call"]);
});

test("a stalled endpoint works on, and all it says comes at its end", () => {
  expect(
    play([
      [0, call(0)],
      [10, { silent: true }],
      [500, {}],
    ]),
  ).toEqual(["500 emit-tokens", "500 end-call"]);
});

test("a stream that falls silent ends when the caller's patience does; one without a first token is the router's to end", () => {
  expect(
    play([
      [0, call(0)],
      [40, { silent: true }],
      [3_000, {}],
    ]),
  ).toEqual(["30 emit-tokens", "1040 cut-call idle 11"]);
});

test("over a partition no call gets there: it fails when the caller gives up, or arrives when the line is back", () => {
  const partition = { silent: true, unreachable: true };
  expect(
    play([
      [0, partition],
      [10, call(0)],
      [5_000, {}],
    ]),
  ).toEqual(["2010 refuse-call connect-failed"]);
  expect(
    play([
      [0, partition],
      [10, call(0)],
      [100, {}],
    ]),
  ).toEqual(["130 emit-tokens", "180 end-call"]);
});

test("an abort is answered at once, whatever the line does", () => {
  const partition = { silent: true, unreachable: true };
  expect(
    play([
      [0, partition],
      [10, call(0)],
      [20, { kind: "call-aborted", call: 0 as never }],
    ]),
  ).toEqual(["20 cut-call 0"]);
  expect(
    play([
      [0, call(0)],
      [40, { silent: true }],
      [60, { kind: "call-aborted", call: 0 as never }],
      [70, {}],
    ]),
  ).toEqual(["30 emit-tokens", "60 cut-call 6"]);
  expect(
    play([
      [0, call(0)],
      [40, { silent: true }],
      [90, { kind: "call-aborted", call: 0 as never }],
      [99, {}],
    ]),
  ).toEqual(["30 emit-tokens", "90 cut-call 11"]);
});

test("a lost message costs 200 ms and more, and what follows waits for it", () => {
  const times = Array.from({ length: 200 }, (_, serial) =>
    play([
      [0, { loss: 0.1 }],
      [0, call(serial)],
    ]).map((line) => Number(line.split(" ")[0])),
  );
  for (const [first = 0, end = 0] of times) {
    expect(end).toBeGreaterThanOrEqual(first);
    expect([30, 230, 430, 630, 830, 1030]).toContain(first);
  }
  const late = times.filter(([first]) => first !== 30).length;
  expect(late).toBeGreaterThan(200 * 0.12);
  expect(late).toBeLessThan(200 * 0.26);
});
