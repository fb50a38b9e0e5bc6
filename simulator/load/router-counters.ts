import { InputError } from "../../router/config/problem.ts";

/** What a router counted, read from its metrics. Subtracting two readings gives a run's. */
export interface RouterCounters {
  readonly nanoDollars: number;
  /** Requests in whose cost tokens without a price are missing. */
  readonly unpriced: number;
  readonly retries: number;
  /** By endpoint, as the router labels them: `deployment endpoint`. */
  readonly breakerOpenings: ReadonlyMap<string, number>;
}

/** @throws InputError where no router shows its metrics */
export async function readRouterCounters(metricsUrl: string): Promise<RouterCounters> {
  const refused = (message: string): InputError =>
    new InputError([
      { file: metricsUrl, line: null, column: null, field: null, message, fix: "give the address of the router's metrics, as http://127.0.0.1:9090/metrics" },
    ]);
  let exposition: string;
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    exposition = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    throw refused(`gives no metrics (${error instanceof Error ? error.message : String(error)}${cause})`);
  }
  // Without it everything would have cost nothing.
  if (!exposition.includes("# TYPE billing_cost_nanodollars_total ")) throw refused("gives no metrics of a headgate router");
  return countersOf(exposition);
}

export function countersOf(exposition: string): RouterCounters {
  let nanoDollars = 0;
  let unpriced = 0;
  let retries = 0;
  const breakerOpenings = new Map<string, number>();
  for (const line of exposition.split("\n")) {
    const sample = sampleOf(line);
    if (sample === null) continue;
    if (sample.name === "billing_cost_nanodollars_total") nanoDollars += sample.value;
    else if (sample.name === "billing_unpriced_requests_total") unpriced += sample.value;
    else if (sample.name === "router_retries_total") retries += sample.value;
    else if (sample.name === "router_breaker_openings_total") {
      const key = `${sample.labels.get("deployment") ?? ""} ${sample.labels.get("endpoint") ?? ""}`;
      breakerOpenings.set(key, (breakerOpenings.get(key) ?? 0) + sample.value);
    }
  }
  return { nanoDollars, unpriced, retries, breakerOpenings };
}

export function countersBetween(before: RouterCounters, later: RouterCounters): RouterCounters {
  const breakerOpenings = new Map([...later.breakerOpenings].map(([key, value]) => [key, value - (before.breakerOpenings.get(key) ?? 0)]));
  return {
    nanoDollars: later.nanoDollars - before.nanoDollars,
    unpriced: later.unpriced - before.unpriced,
    retries: later.retries - before.retries,
    breakerOpenings,
  };
}

export function openingsOf({ breakerOpenings }: RouterCounters): number {
  let openings = 0;
  for (const value of breakerOpenings.values()) openings += value;
  return openings;
}

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const samplePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)(?: \d+)?$/;
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

function sampleOf(line: string): Sample | null {
  const match = line.startsWith("#") ? null : samplePattern.exec(line);
  if (match === null) return null;
  const labels = new Map<string, string>();
  for (const [, name, value] of (match[2] ?? "").matchAll(labelPattern)) {
    if (name !== undefined && value !== undefined)
      labels.set(
        name,
        value.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter)),
      );
  }
  return { name: match[1] ?? "", labels, value: Number(match[3]) };
}
