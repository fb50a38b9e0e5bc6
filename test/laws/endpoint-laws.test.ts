import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { VllmSpec } from "../../simulator/core/compiled-scenario.ts";
import { healthy } from "../../simulator/core/endpoint.ts";
import { LinkedEndpoint } from "../../simulator/core/network/linked-endpoint.ts";
import { micros } from "../../router/core/time.ts";
import type { HostedSpec } from "../../simulator/core/hosted/hosted-spec.ts";
import type { EndpointModel } from "../../simulator/core/endpoint.ts";
import { VllmReplica } from "../../simulator/core/endpoint/vllm-replica.ts";
import { createEngine, createPlainEngine } from "../../simulator/core/engine/create-engine.ts";
import { HostedProvider } from "../../simulator/core/hosted/hosted-provider.ts";
import type { TimedCommand } from "../support/endpoint-history.ts";
import { anyMove, playEvents, resolveMoves } from "../support/endpoint-history.ts";
import { SoloEngine } from "../support/solo-engine.ts";

type Detail = "first-token" | "tokens";

const vllmSpec = (before: number, after: number): VllmSpec => ({
  kind: "vllm",
  engine: {
    blockTokens: 16,
    blocks: 500,
    sequencesMax: 8,
    batchedTokensMax: 256,
    modelTokensMax: 1_000,
    stepTime: {
      kind: "linear",
      perStepUs: 500,
      perPrefillTokenUs: 3,
      perSequenceUs: 11,
      perContextTokenUs: 0.01,
      perChunkAttentionUs: 0,
      source: { kind: "fitted", hardware: "test", model: "test", engineVersion: "test", errorPercent: 0 },
    },
  },
  frontEndBefore: before as never,
  frontEndAfter: after as never,
});

const hostedSpec: HostedSpec = {
  kind: "hosted",
  firstToken: { p50: 900 as never, p95: 4_000 as never },
  perToken: { p50: 70 as never, p95: 200 as never },
  quota: { requestsPerMinute: 40, tokensPerMinute: 30_000 },
};

const troubled: HostedSpec = {
  ...hostedSpec,
  quota: { requestsPerMinute: 40, concurrency: 3 },
  contextTokens: 1_000,
  timeOfDay: { factors: Array.from({ length: 24 }, (_, hour) => 1 + hour / 10), startsAt: micros(3_599_000_000) },
  errorRate: 0.1,
  overloadRate: 0.1,
  filteredRate: 0.1,
  cutRate: 0.2,
  slowStreams: { rate: 0.3, factor: 3 },
};

const engineReplica = (detail: Detail): EndpointModel => {
  const spec = vllmSpec(700, 300);
  return new VllmReplica(spec, createEngine(spec.engine, { detail }), { seed: 7, index: 2 });
};

/** This form of the engine refuses an id that is in use, and lets go of what was aborted a step later. */
const plainReplica = (detail: Detail): EndpointModel => {
  const spec = vllmSpec(700, 300);
  return new VllmReplica(spec, createPlainEngine(spec.engine, { detail }), { seed: 7, index: 2 });
};

const models: Record<string, (detail: Detail) => EndpointModel> = {
  "vLLM replica over a solo engine": (detail) => new VllmReplica(vllmSpec(700, 300), new SoloEngine({ detail }), { seed: 7, index: 2 }),
  "vLLM replica without front-end delays": (detail) => new VllmReplica(vllmSpec(0, 0), new SoloEngine({ detail }), { seed: 7, index: 2 }),
  "vLLM replica over the engine": engineReplica,
  "vLLM replica over the plain engine": plainReplica,
  "hosted provider": (detail) => new HostedProvider(hostedSpec, { seed: 7, index: 2, detail }),
  "hosted provider with everything that goes wrong": (detail) => new HostedProvider(troubled, { seed: 7, index: 2, detail }),
  "vLLM replica behind a line": (detail) => new LinkedEndpoint(engineReplica(detail), { seed: 7, index: 2 }),
  "hosted provider behind a line": (detail) => new LinkedEndpoint(new HostedProvider(troubled, { seed: 7, index: 2, detail }), { seed: 7, index: 2 }),
  "hosted provider without quota": (detail) => new HostedProvider({ ...hostedSpec, quota: null }, { seed: 7, index: 2, detail }),
};

const moves = fc.array(anyMove, { maxLength: 60 });
const details: readonly Detail[] = ["first-token", "tokens"];

for (const [name, make] of Object.entries(models)) {
  describe(name, () => {
    for (const detail of details) {
      test(`law 1, ${detail}: equal histories give equal commands`, () => {
        fc.assert(
          fc.property(moves, (list) => {
            expect(resolveMoves(make(detail), list)).toEqual(resolveMoves(make(detail), list));
          }),
        );
      });

      test(`laws 2 and 3, ${detail}: late, split and missing wakes change nothing`, () => {
        fc.assert(
          fc.property(moves, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }), (list, wakes) => {
            const { events, commands } = resolveMoves(make(detail), list);
            expect(playEvents(make(detail), events, wakes)).toEqual(commands);
            expect(playEvents(make(detail), events, [])).toEqual(commands);
          }),
        );
      });

      test(`commands, ${detail}: in order of time, tokens in order, exactly one last command per call`, () => {
        fc.assert(
          fc.property(moves, (list) => {
            const { commands } = resolveMoves(make(detail), list);
            expect(commands.map(({ at }) => at)).toEqual(commands.map(({ at }) => at).sort((one, other) => one - other));
            checkTokens(commands);
          }),
        );
      });
    }

    test("both details end calls alike and have the same first tokens", () => {
      fc.assert(
        fc.property(moves, (list) => {
          const { events, commands } = resolveMoves(make("tokens"), list);
          const coarse = playEvents(make("first-token"), events, []);
          const told = ({ command }: TimedCommand): boolean => command.kind !== "emit-tokens" || command.from === 0;
          const order = (list: readonly TimedCommand[]): string[] =>
            list
              .filter(told)
              .map((entry) => JSON.stringify(entry))
              .sort();
          expect(order(coarse)).toEqual(order(commands));
        }),
      );
    });

    test("law 4: re-entry is refused", () => {
      const model = make("tokens");
      const event = {
        kind: "call-received",
        call: 0,
        serial: 1,
        inputTokens: 5_000_000,
        blocks: null,
        outputTokens: 1,
        outputTokensMax: 1,
        priority: 0,
      } as never;
      const fault = { kind: "fault-changed", fault: { ...healthy, down: true } } as const;
      model.handle(fault, 0 as never, { emit: () => {} });
      expect(() => model.handle(event, 1 as never, { emit: () => model.wake(1 as never, { emit: () => {} }) })).toThrow("re-entered");
    });
  });
}

function checkTokens(commands: readonly TimedCommand[]): void {
  const next = new Map<number, number>();
  for (const { command } of commands) {
    if (command.kind === "emit-tokens") {
      if (command.from === 0) next.set(command.call, 0);
      expect(command.from).toBe(next.get(command.call));
      next.set(command.call, command.from + command.count);
    } else if (command.kind === "end-call") {
      expect(command.usage.output).toBeGreaterThanOrEqual(1);
      next.delete(command.call);
    }
  }
}
