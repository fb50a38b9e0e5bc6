import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { CompiledScenario } from "../core/compiled-scenario.ts";
import { faultChanges } from "../core/fault/fault-script.ts";
import { faultyLines, resolveFaults } from "../core/fault/resolve-faults.ts";
import { FaultClock } from "./fault-clock.ts";
import { fleetPlaces, type ServerPlace } from "./fleet-places.ts";
import { MockEndpoint, type MockTime } from "./mock-endpoint.ts";
import { MockServer } from "./mock-server.ts";
import { vllmDialect } from "./vllm/vllm-dialect.ts";
import { defaultVllmOptions, type VllmOptions } from "./vllm/vllm-options.ts";

export interface MockFleetOptions {
  /** Named in problems. */
  readonly file: string;
  readonly seed: number;
  readonly host: string;
  /** "configured": on the ports of the configuration's origins; "ephemeral": each endpoint on a port of its own that is free. */
  readonly ports: "configured" | "ephemeral";
  /** How its vLLM servers were started; absent: vllm/vllm-options.ts. */
  readonly vllm?: Partial<VllmOptions>;
  /** Other than the event loop's: for tests. */
  readonly time?: MockTime;
}

/** Origins by name of the deployment, in the order of its endpoints. */
export type FleetOrigins = Readonly<Record<string, readonly string[]>>;

/** How much later than the model says tokens left: what the machine added. */
export interface TokenLateness {
  readonly tokens: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface MockFleet {
  readonly origins: FleetOrigins;
  lateness(): TokenLateness;
  close(): Promise<void>;
}

/** Serials of calls that do not say their own: out of the way of arrival numbers. */
const firstOwnSerial = 1_000_000_000;

/** Starts one HTTP server per origin of the scenario's configuration, each driven by the simulator's own model of the endpoint. */
export async function startMockFleet(scenario: CompiledScenario, options: MockFleetOptions): Promise<MockFleet> {
  const places = fleetPlaces(scenario.config, options.ports, options.file);
  let serial = firstOwnSerial;
  const nextSerial = (): number => (serial += 1);
  const lateness = createHistogram();
  const faults = resolveFaults(scenario, options.seed);
  const lines = faultyLines(faults);
  const vllmOptions = { ...defaultVllmOptions, ...options.vllm };
  const vllm = { dialect: vllmDialect(vllmOptions), options: vllmOptions };
  const endpoints = scenario.config.endpoints.map((endpoint, index) => {
    const deployment = scenario.config.deployments[endpoint.deployment];
    const spec = scenario.endpoints[index];
    if (deployment === undefined || spec === undefined) throw new Error(`endpoint ${index} has no deployment or no model`);
    return new MockEndpoint({
      index,
      deployment: deployment.name,
      provider: deployment.provider,
      model: deployment.model,
      spec,
      seed: options.seed,
      line: lines.has(index),
      nextSerial,
      lateness,
      vllm,
      time: options.time ?? null,
    });
  });
  const servers: MockServer[] = [];
  const clock = new FaultClock(faultChanges(faults.endpoints), ({ endpoint, fault }) => {
    endpoints[endpoint]?.changeFault(fault);
    for (const server of servers) server.followFaults();
  });
  const close = async (): Promise<void> => {
    clock.stop();
    for (const endpoint of endpoints) endpoint.stop();
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    const origins = await listenAll(places, endpoints, servers, options.host, () => clock.begin());
    return { origins, lateness: () => latenessOf(lateness), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listenAll(
  places: readonly ServerPlace[],
  endpoints: readonly MockEndpoint[],
  servers: MockServer[],
  host: string,
  onCall: () => void,
): Promise<FleetOrigins> {
  const originOf: string[] = [];
  for (const place of places) {
    const own = place.endpoints.flatMap((index) => endpoints[index] ?? []);
    const server = new MockServer(own, onCall);
    const origin = await server.listen(host, place.port);
    servers.push(server);
    for (const index of place.endpoints) originOf[index] = origin;
  }
  const origins: Record<string, string[]> = {};
  for (const endpoint of endpoints) (origins[endpoint.deployment] ??= []).push(originOf[endpoint.index] ?? "");
  return origins;
}

function latenessOf(histogram: RecordableHistogram): TokenLateness {
  const at = (percent: number): number => (histogram.count === 0 ? 0 : histogram.percentile(percent) / 1000);
  return { tokens: histogram.count, p50Ms: at(50), p99Ms: at(99), maxMs: at(100) };
}
