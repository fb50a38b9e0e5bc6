import { expect, test } from "vitest";
import type { StrategyName } from "../../../../../router/core/compiled-config.ts";
import type { EndpointId } from "../../../../../router/core/messages.ts";
import { Router } from "../../../../../router/core/router.ts";
import { instantAt, startOfTime } from "../../../../../router/core/time.ts";
import { fixtureConfig, fixtureRequest } from "../../../../support/router-fixture.ts";

/** Five replicas have heard the same: endpoint 0 is idle, nine others have six requests each. Eight requests come to each replica before anything new is heard. */
function busiest(strategy: StrategyName): number {
  const config = fixtureConfig({ strategy, deployments: [{ endpoints: 10 }] });
  const counts = Array.from({ length: 10 }, () => 0);
  for (let replica = 0; replica < 5; replica += 1) {
    const router = new Router(config, { seed: replica + 1, explain: false });
    const out = {
      emit: (command: { kind: string; endpoint?: EndpointId }): void =>
        void (command.kind === "start-attempt" && (counts[command.endpoint ?? 0] = (counts[command.endpoint ?? 0] ?? 0) + 1)),
    };
    for (const { id } of config.endpoints) {
      const signals = { running: id === 0 ? 0 : 6, waiting: 0, kvUsed: 0.5 };
      router.handle({ kind: "signal-observed", endpoint: id, signals, sampledAt: startOfTime }, startOfTime, out);
    }
    for (let request = 0; request < 8; request += 1) {
      router.handle({ kind: "request-arrived", request: fixtureRequest(request, replica * 8 + request) }, instantAt(500_000 + request), out);
    }
  }
  return Math.max(...counts);
}

test.each(["power-of-two", "least-busy", "latency-based", "prefix-affinity"] as const)(
  "llm-d-router#298, #355: with the same old signals, %s does not send all replicas to one endpoint",
  (strategy) => {
    // All to the idle one would be 40 of 40.
    expect(busiest(strategy)).toBeLessThanOrEqual(20);
  },
);
