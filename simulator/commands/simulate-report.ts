import { styleText } from "node:util";
import Table from "cli-table3";
import type { Figures } from "../core/measure/figures.ts";
import type { Distribution } from "../core/measure/percentile.ts";
import type { TargetVerdict, Verdict } from "../core/measure/verdicts.ts";
import type { JudgedResult, Provenance } from "../result/run-result.ts";
import { seenText } from "../verify/figure-text.ts";
import { clock } from "./clock.ts";

/** A result for people: what it was run on, figures, breakers, targets, verdict. */
export function reportLines(result: JudgedResult): readonly string[] {
  const { arrivals, models } = result.provenance;
  const seeds = result.seeds.map(({ seed }) => seed);
  const lines = [
    styleText("bold", result.scenario.name) + (result.scenario.description === null ? "" : `: ${result.scenario.description}`),
    `${loadText(arrivals)}; seed ${seeds[0] ?? ""}${seeds.length > 1 ? ` (figures; targets over ${seeds.length} seeds)` : ""}`,
    figuresTable(result),
    requestsLine(result.summary),
    ...goodputLines(result.summary),
    ...batchLines(result.summary),
    ...fleetLines(result),
    ...breakerLines(result),
    ...probeLines(result),
    ...truthLines(result),
  ];
  const uncertain = models.filter(({ errorPercent }) => (errorPercent ?? 0) > 10);
  for (const model of new Set(uncertain.map((one) => one.model))) {
    const own = uncertain.filter((one) => one.model === model);
    const nearest = own[0]?.nearestTo === undefined ? "" : `the nearest to ${own[0].nearestTo}, `;
    lines.push(
      `note: ${own.map(({ deployment }) => deployment).join(", ")}: modelled as ${model}, ${nearest}whose step times may be ${own[0]?.errorPercent ?? 0} % off`,
    );
  }
  lines.push(...outsideLines(result));
  if (result.summary.cost.unpricedRequests > 0)
    lines.push(`note: ${result.summary.cost.unpricedRequests} requests ran at a deployment without a price; their cost is not known and not counted`);
  lines.push(...endlessLines(result));
  if (result.verdicts.length > 0) lines.push(targetsTable(result.verdicts));
  lines.push(`verdict: ${shownVerdict(result.verdict)}${result.verdict === "not-applicable" ? " (the scenario has no targets)" : ""}`);
  return lines;
}

function loadText({ rows, file, loop, speed, spanMs }: Provenance["arrivals"]): string {
  const count = rows.toLocaleString("en");
  if (loop === "closed") return `sessions of ${file} with ${count} calls, as many as come within ${clock(spanMs)}`;
  return `${count} requests of ${file}${speed === 1 ? "" : ` at ${speed} times its pace`}, ${clock(spanMs)}`;
}

/** Steps beyond what the step-time models were made for. */
function outsideLines({ engines }: JudgedResult): readonly string[] {
  const outside = engines.filter(({ stepsOutsideRange }) => stepsOutsideRange > 0);
  if (outside.length === 0) return [];
  const shown = outside.slice(0, 6).map(({ endpoint, outsideRangePercent }) => `${endpoint} ${outsideRangePercent} %`);
  return [`note: engine steps outside the range for which their times hold: ${shown.join(", ")}${outside.length > 6 ? ", ..." : ""}`];
}

/** Where the targets' percentiles are others than those of the table. */
function endlessLines({ summary, verdicts }: JudgedResult): readonly string[] {
  const { cut, failed, rejected } = summary.requests;
  const asked = verdicts.filter(({ metric }) => /^(ttft|e2e)P/.test(metric));
  if (asked.length === 0 || cut + failed + rejected === 0) return [];
  return ["note: the table's TTFT and E2E are of what was answered; targets on them count what was cut, failed or rejected as endless"];
}

const plainStyle = { head: [], border: [], compact: true };
const right = "right" as const;

function figuresTable(result: JudgedResult): string {
  const table = new Table({
    head: ["", "requests", "served", "TTFT p50", "p95", "p99 ms", "TPOT p50", "p95 ms", "E2E p50", "p95 s", "tokens/s", "cost $"],
    colAligns: ["left", right, right, right, right, right, right, right, right, right, right, right],
    style: plainStyle,
  });
  table.push(figuresRow("all", result.summary), ...batchRows(result.summary), ...result.deployments.map((figures) => figuresRow(`  ${figures.name}`, figures)));
  for (const [place, figures] of (result.versions ?? []).entries()) table.push(figuresRow(`version ${place + 1}`, figures));
  return table.toString();
}

function batchRows({ batches }: JudgedResult["summary"]): readonly string[][] {
  return batches === undefined ? [] : [figuresRow("batches", batches.figures), figuresRow("at once", batches.atOnce)];
}

function figuresRow(name: string, figures: Figures): string[] {
  const { ttftMs, tpotMs, e2eMs, requests, outputTokensPerSecond, cost } = figures;
  return [
    name,
    String(requests.scheduled),
    String(requests.served),
    ...cells(ttftMs, ["p50", "p95", "p99"], 1, 0),
    ...cells(tpotMs, ["p50", "p95"], 1, 1),
    ...cells(e2eMs, ["p50", "p95"], 1000, 2),
    outputTokensPerSecond === null ? "-" : outputTokensPerSecond.toFixed(0),
    cost.unpricedRequests > 0 ? `>= ${cost.dollars.toFixed(4)}` : cost.dollars.toFixed(4),
  ];
}

function cells(distribution: Distribution | null, parts: readonly ("p50" | "p95" | "p99")[], per: number, decimals: number): readonly string[] {
  return parts.map((part) => (distribution === null ? "-" : (distribution[part] / per).toFixed(decimals)));
}

function requestsLine({ requests, retries, amplification, drain, window }: JudgedResult["summary"]): string {
  const reasons = Object.entries(requests.reasons).map(([reason, count]) => `${count} ${reason}`);
  const troubles = [
    [requests.cut, "cut"],
    [requests.failed, "failed"],
    [requests.rejected, "rejected"],
    [requests.clientLeft, "left"],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  const bad = troubles.length === 0 ? "none failed" : `${troubles.join(", ")} (${reasons.join(", ")})`;
  return `window ${clock(window.fromMs)} to ${clock(window.untilMs)}, drained in ${clock(drain.lastsMs)}; ${bad}; ${retries} ${retries === 1 ? "retry" : "retries"}, ${(amplification ?? 0).toFixed(3)} attempts per request`;
}

function goodputLines({ goodput, baseline, cachedTokenPercent }: JudgedResult["summary"]): readonly string[] {
  const good = goodput === null ? [] : [`goodput ${figure(goodput.percent)} % of all scheduled, ${(goodput.perSecond ?? 0).toFixed(2)} requests/s`];
  const saved = baseline === undefined || baseline.savedPercent === null ? [] : [`${figure(baseline.savedPercent)} % saved against ${baseline.deployment}`];
  const cached = cachedTokenPercent === null || cachedTokenPercent === 0 ? [] : [`${figure(cachedTokenPercent)} % of prompt tokens from a prefix cache`];
  const parts = [...good, ...cached, ...saved];
  return parts.length === 0 ? [] : [parts.join("; ")];
}

function batchLines({ batches }: JudgedResult["summary"]): readonly string[] {
  if (batches === undefined) return [];
  const { percent, savedDollars, figures } = batches;
  const { cost, ttftMs, e2eMs } = figures;
  const times = [ttftMs === null ? [] : [`TTFT p95 ${clock(ttftMs.p95)}`], e2eMs === null ? [] : [`E2E p95 ${clock(e2eMs.p95)}`]].flat();
  return [`batches: ${figure(percent)} % of the requests; $ ${cost.dollars.toFixed(4)}, $ ${savedDollars.toFixed(4)} less than at once; ${times.join(", ")}`];
}

function fleetLines({ fleet }: JudgedResult): readonly string[] {
  const pools = fleet.filter(({ busyPercent }) => busyPercent !== null);
  const percent = (value: number | null): string => (value === null ? "-" : `${value.toFixed(value < 10 ? 1 : 0)} %`);
  return pools.map(({ name, replicas, busyPercent, sequencesPercent, tokensPercent, kvUsedPercent, gpuHours, gpuDollars, energyKwh }) => {
    const costs = [
      gpuHours === null ? [] : [`${gpuHours.toFixed(2)} GPU hours`],
      gpuDollars === null ? [] : [`$ ${gpuDollars.toFixed(2)}`],
      energyKwh === null ? [] : [`${energyKwh.toFixed(2)} kWh`],
    ].flat();
    const use = `busy ${percent(busyPercent)}, batch ${percent(sequencesPercent)} of sequences, ${percent(tokensPercent)} of tokens, KV ${percent(kvUsedPercent)}`;
    return `pool ${name} (${replicas}): ${use}${costs.length === 0 ? "" : `; ${costs.join(", ")}`}`;
  });
}

/** Breakers against the script of faults, over all endpoints. */
function truthLines({ faults, seeds }: JudgedResult): readonly string[] {
  const metrics = seeds[0]?.metrics;
  if (faults.count === 0 || metrics === undefined) return [];
  const { breakerTimeToOpenP95Ms: toOpen, breakerTimeToCloseP95Ms: toClose, breakerFalsePositives, breakerMissedFaults } = metrics;
  const times = [toOpen === null ? [] : [`open after p95 ${clock(toOpen)}`], toClose === null ? [] : [`closed after p95 ${clock(toClose)}`]].flat();
  const parts = [
    faults.count === 1 ? "1 fault" : `${faults.count} faults`,
    ...times,
    `${breakerFalsePositives ?? 0} false openings`,
    `${breakerMissedFaults ?? 0} missed`,
  ];
  return [`breakers against the script: ${parts.join(", ")}`];
}

function breakerLines(result: JudgedResult): readonly string[] {
  const opened = result.breakers.filter(({ openings }) => openings > 0);
  return opened.map(({ endpoint, openings, changes }) => {
    const shown = changes.slice(0, 6).map(({ atMs, to }) => `${to} ${clock(atMs)}`);
    return `breaker of ${endpoint}: opened ${openings} ${openings === 1 ? "time" : "times"} (${shown.join(", ")}${changes.length > 6 ? ", ..." : ""})`;
  });
}

function probeLines({ probes = [] }: JudgedResult): readonly string[] {
  const bad = probes.filter(({ unhealthy }) => unhealthy > 0);
  return bad.map(({ endpoint, healthy, unhealthy, takenOut }) => {
    const times = takenOut === 0 ? "never taken out" : `taken out ${takenOut} ${takenOut === 1 ? "time" : "times"}`;
    return `probes of ${endpoint}: ${unhealthy} of ${healthy + unhealthy} unhealthy, ${times}`;
  });
}

function targetsTable(verdicts: readonly TargetVerdict[]): string {
  const table = new Table({ head: ["target", "bound", "value", "verdict"], colAligns: ["left", right, right, "left"], style: plainStyle });
  for (const { metric, bound, limit, values, interval, verdict } of verdicts) {
    table.push([metric, `${bound === "max" ? "<=" : ">="} ${limit}`, seenText({ values, interval }), shownVerdict(verdict)]);
  }
  return table.toString();
}

const figure = (value: number): string => String(Number(value.toPrecision(6)));

function shownVerdict(verdict: Verdict): string {
  const text = verdict === "not-applicable" ? "not applicable" : verdict;
  const colour = verdict === "pass" ? "green" : verdict === "fail" || verdict === "invalid" ? "red" : "yellow";
  return styleText(colour, text);
}
