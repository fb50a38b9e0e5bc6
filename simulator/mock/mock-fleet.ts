import type { CompiledScenario } from "../core/compiled-scenario.ts";
import { faultChanges } from "../core/fault/fault-script.ts";
import { FaultClock } from "./fault-clock.ts";
import { fleetPlaces, type ServerPlace } from "./fleet-places.ts";
import { MockEndpoint } from "./mock-endpoint.ts";
import { MockServer } from "./mock-server.ts";

export interface MockFleetOptions {
  /** Named in problems. */
  readonly file: string;
  readonly seed: number;
  readonly host: string;
  /** "configured": on the ports of the configuration's origins; "ephemeral": each endpoint on a port of its own that is free. */
  readonly ports: "configured" | "ephemeral";
}

/** Origins by name of the deployment, in the order of its endpoints. */
export type FleetOrigins = Readonly<Record<string, readonly string[]>>;

export interface MockFleet {
  readonly origins: FleetOrigins;
  close(): Promise<void>;
}

/** Serials of calls that do not say their own: out of the way of arrival numbers. */
const firstOwnSerial = 1_000_000_000;

/** Starts one HTTP server per origin of the scenario's configuration, each driven by the simulator's own model of the endpoint. */
export async function startMockFleet(scenario: CompiledScenario, options: MockFleetOptions): Promise<MockFleet> {
  const places = fleetPlaces(scenario.config, options.ports, options.file);
  let serial = firstOwnSerial;
  const nextSerial = (): number => (serial += 1);
  const endpoints = scenario.config.endpoints.map((endpoint, index) => {
    const deployment = scenario.config.deployments[endpoint.deployment];
    const spec = scenario.endpoints[index];
    if (deployment === undefined || spec === undefined) throw new Error(`endpoint ${index} has no deployment or no model`);
    return new MockEndpoint({ index, deployment: deployment.name, model: deployment.model, spec, seed: options.seed, nextSerial });
  });
  const servers: MockServer[] = [];
  const clock = new FaultClock(faultChanges(scenario.faults), ({ endpoint, fault }) => {
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
    return { origins, close };
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
