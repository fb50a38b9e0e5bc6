import type { EndpointFault } from "../core/fault/fault-spec.ts";
import type { BreakerJudgement } from "../core/measure/breaker-judge.ts";
import type { PoolFigures } from "../core/measure/fleet-figures.ts";
import type { Figures, Summary } from "../core/measure/figures.ts";
import type { Metrics } from "../core/measure/metrics.ts";
import type { TargetVerdict, Verdict } from "../core/measure/verdicts.ts";

/** Changes with every change of shape that a reader could stumble over. */
export const resultVersion = 2;

/** What a run left behind. The same inputs give the same bytes: no times of day, no machine, no version of Node. */
export type RunResult = JudgedResult | NotApplicableResult;

export interface JudgedResult {
  readonly version: typeof resultVersion;
  readonly kind: "judged";
  readonly verdict: Verdict;
  readonly scenario: { readonly name: string; readonly description: string | null };
  readonly provenance: Provenance;
  /** All figures by target name, seed by seed. */
  readonly seeds: readonly SeedFigures[];
  /** This and the next eight are of the first seed. */
  readonly summary: Summary;
  readonly routes: readonly NamedFigures[];
  readonly deployments: readonly NamedFigures[];
  /** One entry where no tenants are configured. */
  readonly tenants: readonly NamedFigures[];
  /** Of the deployments' tiers, where they have several. */
  readonly tiers: readonly NamedFigures[];
  /** Machines and their use, by deployment; none of a replay. */
  readonly fleet: readonly PoolFigures[];
  /** The script that came true: what breakers are judged by. */
  readonly faults: FaultFigures;
  /** Of the configuration, by the requests that arrived under each; absent: there was one. */
  readonly versions?: readonly ({ readonly version: number } & Figures)[];
  readonly breakers: readonly BreakerFigures[];
  /** Active probes by endpoint, of all replicas; absent: nothing is probed, or it is a replay. */
  readonly probes?: readonly ProbeFigures[];
  /** Of the simulated vLLM replicas; none of a replay. */
  readonly engines: readonly EngineFigures[];
  readonly verdicts: readonly TargetVerdict[];
}

export interface NotApplicableResult {
  readonly version: typeof resultVersion;
  readonly kind: "not-applicable";
  readonly verdict: "not-applicable";
  readonly scenario: { readonly name: string; readonly description: string | null };
  readonly reason: string;
}

export interface SeedFigures {
  readonly seed: number;
  readonly metrics: Metrics;
}

export type NamedFigures = { readonly name: string } & Figures;

/** Against the fault script; absent of a replay. */
export type BreakerTruth = Omit<BreakerJudgement, "openings">;

export interface BreakerFigures extends Partial<BreakerTruth> {
  /** `deployment/replica`. */
  readonly endpoint: string;
  readonly openings: number;
  /** The first hundred, of all replicas; `replica` where there are several. */
  readonly changes: readonly { readonly atMs: number; readonly from: string; readonly to: string; readonly replica?: number }[];
}

export interface ProbeFigures {
  /** `deployment/replica`. */
  readonly endpoint: string;
  /** Answers, by what they said. */
  readonly healthy: number;
  readonly unhealthy: number;
  /** Times that its probes took it out. */
  readonly takenOut: number;
}

/** The first thousand of each kind; `untilMs` null: to the end. */
export interface FaultFigures {
  readonly count: number;
  readonly endpoints: readonly (EndpointFault & { readonly endpoint: string; readonly atMs: number; readonly untilMs: number | null })[];
  readonly store: readonly { readonly replica: number | null; readonly atMs: number; readonly untilMs: number | null }[];
  readonly replicas: readonly { readonly replica: number; readonly atMs: number; readonly untilMs: number | null }[];
}

export interface EngineFigures {
  /** `deployment/replica`. */
  readonly endpoint: string;
  readonly steps: number;
  /** Steps for which its step-time model was not made (contexts, batches, chunks beyond what was measured): the higher, the less the figures are worth. */
  readonly stepsOutsideRange: number;
  readonly outsideRangePercent: number;
}

export interface Provenance {
  /** What made the figures: `simulated` in virtual time, `replayed` on the wall clock. */
  readonly clock: "simulated" | "replayed";
  readonly headgate: string;
  readonly percentiles: string;
  /** Whether every model's figures were measured on what it stands for. */
  readonly calibrated: { readonly calibrated: true } | { readonly calibrated: false; readonly uncalibrated: readonly string[] };
  /** What chance decided, by the seed. */
  readonly drawn: readonly string[];
  readonly arrivals: {
    readonly source: "trace";
    readonly format: string;
    readonly file: string;
    readonly relativeTo: string;
    readonly rows: number;
    readonly speed: number;
    readonly spanMs: number;
    readonly sha256: string;
    /** Sessions that wait for their answers; absent: requests at recorded instants. */
    readonly loop?: "closed";
    /** Requests of one instant were spread over so much time; absent: they came as recorded. */
    readonly jitter?: { readonly withinMs: number; readonly seed: number };
    /** Features that were drawn from the scenario's mix where the trace did not know them. */
    readonly drawnFeatures?: readonly string[];
    /** Of reading the trace: what was assumed or left out. */
    readonly notes?: readonly string[];
  };
  readonly scenario: { readonly sha256: string };
  /** File null: it stands in the scenario. */
  readonly config: { readonly file: string | null; readonly version: number; readonly sha256: string };
  /** By deployment: where the model of its endpoints comes from. */
  readonly models: readonly ModelProvenance[];
}

export interface ModelProvenance {
  readonly deployment: string;
  readonly model: string;
  /** Of a step's time. */
  readonly errorPercent: number | null;
  /** The engine profile, and for which GPU and model it stands in because they have none; absent: step times of the scenario's own. */
  readonly profile?: string;
  readonly nearestTo?: string;
}
