import type { EndpointId, RouterCommand, RouterEvent } from "../core/messages.ts";
import type { RealtimeDriver } from "../drivers/realtime-driver.ts";
import { HealthProber } from "../upstream/health-prober.ts";
import type { UpstreamLane } from "../upstream/upstream-lane.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";
import type { CoreNotes } from "./core-notes.ts";

/** The prober of a service: what it finds is noted before the core hears of it. */
export function healthProbes(
  transport: UpstreamTransport,
  driver: RealtimeDriver<RouterEvent, RouterCommand>,
  notes: CoreNotes,
  laneOf: (endpoint: EndpointId) => UpstreamLane,
): HealthProber {
  return new HealthProber({
    transport,
    laneOf,
    now: () => driver.now(),
    stalledSince: (since) => driver.stalledSince(since),
    tell: (ended, said) => {
      notes.noteProbe(ended, said);
      driver.submit(ended);
    },
  });
}
