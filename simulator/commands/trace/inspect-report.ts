import { styleText } from "node:util";
import Table from "cli-table3";
import type { TraceFigures } from "../../trace/inspect/inspect-trace.ts";
import type { Percentiles } from "../../trace/inspect/value-counts.ts";
import { clock } from "../clock.ts";
import { barChart } from "./bar-chart.ts";

const plainStyle = { head: [], border: [], compact: true };
const right = "right" as const;

/** Figures of a trace for people. */
export function inspectLines(figures: TraceFigures): readonly string[] {
  return [
    `${styleText("bold", figures.file)}: ${figures.format}, ${figures.loop === "open" ? "open loop" : "closed loop (sessions)"}`,
    ...countLines(figures),
    ...(figures.per_minute === undefined ? [] : ["requests per minute:", ...barChart(figures.per_minute)]),
    lengthsTable(figures),
    `input above: ${Object.entries(figures.over)
      .map(([tokens, rows]) => `${Number(tokens).toLocaleString("en")}: ${rows.toLocaleString("en")}`)
      .join(", ")} requests`,
    ...burstLines(figures),
    ...groupLines(figures),
    ...cacheLines(figures),
    ...figures.notes.map((note) => `note: ${note}`),
  ];
}

function countLines({
  rows,
  span_s: span,
  distinct_ts: distinct,
  rate_per_s: rate,
  first_at: first,
  conversations,
  requests,
  sub_agents: agents,
}: TraceFigures): readonly string[] {
  if (conversations !== undefined)
    return [`${(requests ?? 0).toLocaleString("en")} requests in ${conversations.toLocaleString("en")} conversations with ${agents ?? 0} sub-agents`];
  if (rows === undefined || span === undefined || rate === undefined) return [];
  return [
    `${rows.toLocaleString("en")} requests in ${clock(1000 * span)}${first === null ? "" : ` from ${first}`}; ${rate.mean.toFixed(2)} a second${span < 60 ? "" : `, ${rate.peak_minute.toFixed(2)} in the fullest minute`}`,
    ...(distinct !== undefined && distinct * 2 < rows
      ? [`only ${distinct.toLocaleString("en")} different instants: the source has slots; --jitter spreads them`]
      : []),
  ];
}

function lengthsTable(figures: TraceFigures): string {
  const table = new Table({
    head: ["", "p50", "p90", "p95", "p99", "max", "mean", "sum"],
    colAligns: ["left", right, right, right, right, right, right, right],
    style: plainStyle,
  });
  const add = (name: string, values: Percentiles | null | undefined, decimals: number): void => {
    if (values === null || values === undefined) return;
    const shown = (value: number | undefined): string => (value === undefined ? "-" : value.toLocaleString("en", { maximumFractionDigits: decimals }));
    const { linear, max, mean, sum } = values;
    table.push([name, shown(linear["50"]), shown(linear["90"]), shown(linear["95"]), shown(linear["99"]), shown(max), shown(mean), shown(sum)]);
  };
  add("input tokens", figures.input, 0);
  add("output tokens", figures.output, 0);
  add("gaps, s", figures.gaps_s, 3);
  add("think time, s", figures.think_s, 1);
  add("time of the API, s", figures.api_time_s, 2);
  add("TTFT, s", figures.ttft_s, 2);
  add("calls per conversation", figures.calls_per_conversation, 0);
  add("turns per session", figures.sessions?.turns, 0);
  add("gap within session, s", figures.sessions?.gap_s, 1);
  return table.toString();
}

function burstLines({ dispersion, gaps_s: gaps, lag1_autocorrelation_10s: lag1 }: TraceFigures): readonly string[] {
  if (dispersion === undefined) return [];
  const windows = Object.entries(dispersion).flatMap(([seconds, value]) => (value === null ? [] : [`${value.toFixed(2)} at ${seconds} s`]));
  if (windows.length === 0) return [];
  const correlation = lag1 == null ? "" : `; neighbouring 10 s correlate by ${lag1.toFixed(2)}`;
  return [`burstiness: variance over mean of the counts ${windows.join(", ")} (Poisson: 1); gaps vary by ${(gaps?.cv ?? 0).toFixed(2)}${correlation}`];
}

function groupLines({ tenants, routes, sessions, features, without_output: empty }: TraceFigures): readonly string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const lines: string[] = [];
  if (tenants !== undefined) {
    lines.push(
      `tenants: ${tenants.tenants.toLocaleString("en")}; the first sends ${percent(tenants.top_share["1"])}, the first 10 ${percent(tenants.top_share["10"])}; ${tenants.tenants_for["80"]} send 80 %; Gini ${tenants.gini.toFixed(2)}`,
    );
  }
  if (routes !== undefined)
    lines.push(
      `routes: ${routes.largest
        .slice(0, 5)
        .map(({ name, rows }) => `${name} ${rows.toLocaleString("en")}`)
        .join(", ")}`,
    );
  if (sessions !== undefined) lines.push(`sessions: ${sessions.sessions.toLocaleString("en")}; ${percent(sessions.single_turn_share)} have one turn`);
  if (features !== undefined)
    lines.push(
      `features: ${Object.entries(features)
        .map(([name, rows]) => `${name} ${rows.toLocaleString("en")}`)
        .join(", ")}`,
    );
  if (empty > 0) lines.push(`${empty.toLocaleString("en")} requests without output`);
  return lines;
}

function cacheLines(figures: TraceFigures): readonly string[] {
  const { lru_tail_first_touch: lru, blocks, unique_blocks: unique, block_tokens: size, conversation_token_hit: hit } = figures;
  if (hit !== undefined) return [`prefix cache within the conversation: ${(hit * 100).toFixed(1)} % of the input tokens`];
  if (lru === undefined) return [];
  const table = new Table({
    head: ["one LRU cache of so many blocks", "token hits", "blocks, leading", "any", "mean of requests"],
    colAligns: ["left", right, right, right, right],
    style: plainStyle,
  });
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  for (const [capacity, each] of Object.entries(lru)) {
    table.push([
      capacity === "inf" ? "unbounded" : Number(capacity).toLocaleString("en"),
      percent(each.token),
      percent(each.block_prefix),
      percent(each.block_any),
      percent(each.request_mean),
    ]);
  }
  return [`blocks of ${size ?? 0} tokens: ${(blocks ?? 0).toLocaleString("en")}, ${(unique ?? 0).toLocaleString("en")} different`, table.toString()];
}
