import type { ServiceSpec } from "../../router/config/service-spec.ts";
import type { YamlPlace } from "../../router/config/yaml-problems.ts";
import type { CompiledScenario } from "../core/compiled-scenario.ts";
import type { Arrival } from "../core/workload/arrival.ts";
import type { ClosedLoop } from "../core/workload/closed-loop.ts";
import type { SessionScript } from "../core/workload/session-script.ts";
import type { TraceTable } from "../trace/trace-table.ts";

/** A scenario that is ready to run, and where its parts came from. */
export interface LoadedScenario {
  readonly kind: "loaded";
  readonly file: string;
  /** `path=value` over the file. */
  readonly settings: readonly string[];
  readonly name: string;
  readonly description: string | null;
  readonly seed: number;
  readonly compiled: CompiledScenario;
  readonly service: ServiceSpec;
  readonly trace: TraceInfo;
  readonly config: ConfigInfo;
  /** Of the texts of the scenario and of what it extends, of what was set over them, and of the versions of the configuration that come later. */
  readonly sha256: string;
  /** A new iterator over all arrivals, from the first; none where the trace is of sessions. @param seed of the features that are drawn; absent: the scenario's */
  arrivals(seed?: number): Iterator<Arrival>;
  /** Its sessions as a closed loop, from their beginning; null where the trace is of requests at recorded instants. */
  closedLoop(): ClosedLoop | null;
}

/** Its trace is not on this machine. A result, not an error. */
export interface NotApplicable {
  readonly kind: "not-applicable";
  readonly file: string;
  readonly name: string;
  readonly description: string | null;
  readonly reason: string;
}

export interface TraceInfo {
  readonly format: string;
  /** As the scenario names it. */
  readonly file: string;
  readonly relativeTo: string;
  /** Where it lies on this machine. */
  readonly path: string;
  readonly rows: number;
  readonly speed: number;
  readonly sha256: string;
  /** open: requests at recorded instants; closed: sessions whose calls wait for the answers before. */
  readonly loop: "open" | "closed";
  /** Spread of the requests of one instant, microseconds; null: they come as recorded. */
  readonly jitterUs: number | null;
  /** Features that are drawn where the trace does not know them. */
  readonly drawnFeatures: readonly string[];
  /** Of reading it: what was assumed or left out. */
  readonly notes: readonly string[];
  readonly sessions: readonly SessionScript[];
  readonly blockTokens: number | null;
  /** First to last arrival in the run's time; of sessions: the time limit. */
  readonly spanUs: number;
  readonly table: TraceTable;
}

export interface ConfigInfo {
  /** As the scenario names it; null when it stands in the scenario itself. */
  readonly file: string | null;
  /** Of its text, or of its content where it stands in the scenario. */
  readonly sha256: string;
  /** Where it stands: the root of its own file, or a part of the scenario's. */
  readonly place: YamlPlace;
  /** Plain data, as read from the YAML. */
  readonly value: unknown;
}
