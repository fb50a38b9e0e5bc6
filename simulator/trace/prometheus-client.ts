import { z } from "zod";
import { InputError } from "../../router/config/problem.ts";
import type { CumulativeHistogram, ObservedLoad } from "./model/prometheus-model.ts";

/** A point is Unix seconds and a number as text. */
const point = z.tuple([z.number(), z.string()]).readonly();
const series = z.array(z.object({ metric: z.record(z.string(), z.string()), values: z.array(point).optional(), value: point.optional() }));
const answer = z.object({ status: z.string(), error: z.string().optional(), data: z.object({ result: series }).optional() });
type Series = z.output<typeof series>;

export interface PrometheusQuestion {
  readonly url: string;
  /** Unix seconds, whole minutes. */
  readonly from: number;
  readonly until: number;
  /** Of vLLM's label model_name; null: all together. */
  readonly model: string | null;
}

/** Prometheus refuses answers of more than 11,000 points. */
const pointsMax = 10_000;
const timeoutMs = 60_000;

/** Asks a Prometheus for what vLLM counted: requests per minute, and the histograms of prompt and generation tokens. @throws InputError */
export async function observedLoad(question: PrometheusQuestion): Promise<ObservedLoad> {
  const { url, from, until, model } = question;
  const labels = model === null ? "" : `{model_name=${JSON.stringify(model)}}`;
  const perMinute: number[] = Array.from({ length: Math.round((until - from) / 60) }, () => 0);
  for (let start = from; start < until; start += pointsMax * 60) {
    const end = Math.min(until, start + pointsMax * 60) - 60;
    // The increase up to a minute's end belongs to the minute.
    const query = { query: `sum(increase(vllm:request_success_total${labels}[1m]))`, start: String(start + 60), end: String(end + 60), step: "60" };
    for (const each of await ask(url, "query_range", query)) {
      for (const [at, value] of each.values ?? []) perMinute[Math.round((at - 60 - from) / 60)] = finite(value);
    }
  }
  const during = `[${until - from}s]`;
  const histogram = async (name: string): Promise<CumulativeHistogram> =>
    histogramOf(url, name, await ask(url, "query", { query: `sum by (le) (increase(${name}_bucket${labels}${during}))`, time: String(until) }));
  if (perMinute.every((count) => count === 0)) {
    throw refused(url, `has no vllm:request_success_total${labels} in that time`, "check --last, --model, and that this Prometheus scrapes vLLM");
  }
  return {
    source: `${url}, ${new Date(from * 1000).toISOString()} to ${new Date(until * 1000).toISOString()}`,
    perMinute,
    promptTokens: await histogram("vllm:request_prompt_tokens"),
    generationTokens: await histogram("vllm:request_generation_tokens"),
  };
}

function histogramOf(url: string, name: string, found: Series): CumulativeHistogram {
  const buckets = found
    .map(({ metric, value }) => ({ bound: metric["le"] === "+Inf" ? Infinity : Number(metric["le"]), count: finite(value?.[1] ?? "0") }))
    .filter(({ bound }) => !Number.isNaN(bound))
    .toSorted((one, other) => one.bound - other.bound);
  if (buckets.length === 0 || (buckets.at(-1)?.count ?? 0) <= 0) throw refused(url, `has no observations of ${name} in that time`, "check --last and --model");
  // Extrapolated increases need not ascend exactly.
  let most = 0;
  return { bounds: buckets.map(({ bound }) => bound), counts: buckets.map(({ count }) => (most = Math.max(most, count))) };
}

async function ask(url: string, what: "query" | "query_range", parameters: Readonly<Record<string, string>>): Promise<Series> {
  const address = new URL(`${url.replace(/\/+$/, "")}/api/v1/${what}?${new URLSearchParams(parameters).toString()}`);
  let body: unknown;
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(timeoutMs) });
    body = await response.json();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    throw refused(
      url,
      `gives no answer that can be read (${error instanceof Error ? error.message : String(error)}${cause})`,
      "give the address of a Prometheus, as http://prometheus:9090",
    );
  }
  const checked = answer.safeParse(body);
  if (!checked.success) throw refused(url, "does not answer as Prometheus does", "give the address of a Prometheus, as http://prometheus:9090");
  if (checked.data.status !== "success" || checked.data.data === undefined)
    throw refused(url, checked.data.error ?? "refuses the query", `it was asked ${parameters["query"] ?? ""}`);
  return checked.data.data.result;
}

const finite = (text: string): number => (Number.isFinite(Number(text)) ? Math.max(0, Number(text)) : 0);

function refused(url: string, message: string, fix: string): InputError {
  return new InputError([{ file: url, line: null, column: null, field: null, message, fix }]);
}
