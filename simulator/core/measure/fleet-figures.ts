import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { EndpointUse } from "./fleet-tally.ts";
import { rounded } from "./percentile.ts";

/** What a replica of a pool is and costs. */
export interface MachineSpec {
  readonly gpus: number;
  /** Dollars per GPU and hour; null: not known. */
  readonly gpuHourDollars: number | null;
  /** Of one GPU at work and idle; null: not known. */
  readonly watts: number | null;
  readonly idleWatts: number;
}

/** Of one deployment's machines, from the run's start to its end. Idle hours cost as much as busy ones. Figures of a hosted API are null. */
export interface PoolFigures {
  readonly name: string;
  readonly replicas: number;
  readonly gpuHours: number | null;
  readonly gpuDollars: number | null;
  readonly energyKwh: number | null;
  readonly busyPercent: number | null;
  readonly sequencesPercent: number | null;
  readonly tokensPercent: number | null;
  readonly kvUsedPercent: number | null;
  readonly waitingMean: number | null;
  readonly waitingMax: number;
  readonly preemptions: number;
}

const hour = 3_600_000_000;

/** @param uses by EndpointId @param machines by DeploymentId; null: a hosted API */
export function fleetFigures(config: CompiledConfig, uses: readonly EndpointUse[], machines: readonly (MachineSpec | null)[]): readonly PoolFigures[] {
  return config.deployments.map(({ id, name, endpoints }) => {
    const own = endpoints.flatMap((endpoint) => uses[endpoint] ?? []);
    return { name, replicas: endpoints.length, ...powerOf(own, machines[id] ?? null), ...useOf(own) };
  });
}

function powerOf(uses: readonly EndpointUse[], machine: MachineSpec | null): Pick<PoolFigures, "gpuHours" | "gpuDollars" | "energyKwh"> {
  if (machine === null) return { gpuHours: null, gpuDollars: null, energyKwh: null };
  const { gpus, gpuHourDollars, watts, idleWatts } = machine;
  const hours = uses.reduce((sum, use) => sum + (use.sampled * gpus) / hour, 0);
  const busy = uses.reduce((sum, use) => sum + (use.busy * gpus) / hour, 0);
  return {
    gpuHours: rounded(hours, 6),
    gpuDollars: gpuHourDollars === null ? null : rounded(hours * gpuHourDollars, 6),
    energyKwh: watts === null ? null : rounded((busy * watts + (hours - busy) * idleWatts) / 1000, 6),
  };
}

function useOf(uses: readonly EndpointUse[]): Omit<PoolFigures, "name" | "replicas" | "gpuHours" | "gpuDollars" | "energyKwh"> {
  const busy = uses.reduce((sum, use) => sum + use.busy, 0);
  /** Weighted by busy time, since an idle replica has no batch. */
  const whileBusy = (figure: "sequencesPercent" | "tokensPercent"): number | null =>
    busy === 0 ? null : rounded(uses.reduce((sum, use) => sum + (use[figure] ?? 0) * use.busy, 0) / busy, 3);
  const mean = (figure: "busyPercent" | "kvUsedPercent" | "waitingMean"): number | null => {
    const known = uses.flatMap((use) => use[figure] ?? []);
    return known.length === 0 ? null : rounded(known.reduce((sum, value) => sum + value, 0) / known.length, 3);
  };
  return {
    busyPercent: mean("busyPercent"),
    sequencesPercent: whileBusy("sequencesPercent"),
    tokensPercent: whileBusy("tokensPercent"),
    kvUsedPercent: mean("kvUsedPercent"),
    waitingMean: mean("waitingMean"),
    waitingMax: uses.reduce((most, use) => Math.max(most, use.waitingMax), 0),
    preemptions: uses.reduce((sum, use) => sum + use.preemptions, 0),
  };
}
