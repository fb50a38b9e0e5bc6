import { readFileSync } from "node:fs";
import { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import { readText } from "../config/read-text.ts";
import { suggestion } from "../config/nearest.ts";
import { InputError } from "../config/problem.ts";
import { readWhole } from "./read-whole.ts";
import type { CompiledConfig, RouteSpec } from "../core/compiled-config.ts";
import { type ExplainedRequest, explainRequest } from "../core/explain-request.ts";
import { readSegment } from "../core/journal/segment.ts";
import type { Instant } from "../core/machine.ts";
import type { EndpointId, RequestId, RouteRequest, TenantId } from "../core/messages.ts";
import { RouteNames } from "../core/route-names.ts";
import { Router, type RouterSnapshot } from "../core/router.ts";
import { startOfTime } from "../core/time.ts";
import { dialectHandling } from "../http/dialect-handling.ts";
import { readAsks } from "../http/read-asks.ts";
import { promptLooks, routeRequest } from "../http/route-request.ts";
import { scanBody } from "../providers/body-scan.ts";

interface Options {
  readonly config: string;
  readonly journal?: string;
  readonly header: readonly string[];
  readonly seed: string;
  readonly json: boolean;
}

export function explainCommand(): Command {
  return new Command("explain")
    .description("say where a request would go and why: path, candidates, exclusions, scores, expected cost and latency")
    .argument("<request>", "the body of a chat completion request (JSON)")
    .requiredOption("-c, --config <file>", "configuration (YAML)")
    .option("--journal <segment>", "as the core that wrote this segment of a journal had got to at its end; absent: a fresh core, which has measured nothing")
    .option(
      "-H, --header <header>",
      "a header of the request, as `x-headgate-tags: eu`; may be given several times",
      (header, all: readonly string[]) => [...all, header],
      [],
    )
    .option("--seed <n>", "seed of random draws", "1")
    .option("--json", "print as JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  headgate config explain -c headgate.yaml request.json\n\nExit codes: 0 it would be sent or wait, 1 it would be refused, 2 bad input",
    )
    .action(explain);
}

function explain(file: string, options: Options): void {
  const { compiled, service } = loadConfig(options.config, null);
  const snapshot = options.journal === undefined ? null : snapshotOf(options.journal, compiled);
  const { request, route } = readRequest(file, options.header, compiled, snapshot?.now ?? startOfTime);
  const explained = explainRequest(compiled, snapshot, { ...request, id: freeSlot(snapshot) }, readWhole("--seed", options.seed), service.here);
  const facts = { ...named(explained, compiled), path: pathOf(explained, route, compiled), inputTokens: request.inputTokens, stream: request.stream };
  process.stdout.write(options.json ? `${JSON.stringify(facts)}\n` : lines(facts));
  process.exitCode = typeof explained.result === "object" ? 1 : 0;
}

function freeSlot(snapshot: RouterSnapshot | null): RequestId {
  if (snapshot === null) return 0 as RequestId;
  const free = snapshot.requests.indexOf(null);
  return (free < 0 ? snapshot.requests.length : free) as RequestId;
}

function readRequest(
  file: string,
  headers: readonly string[],
  config: CompiledConfig,
  now: Instant,
): { readonly request: RouteRequest; readonly route: RouteSpec } {
  const problem = (field: string | null, message: string, fix: string): InputError => new InputError([{ file, line: null, column: null, field, message, fix }]);
  const result = scanBody(Buffer.from(readText(file, "request")));
  if (result.kind === "malformed") throw problem(null, result.message, "give the body of a chat completion request, as callers send it");
  const { scan } = result;
  const names = new RouteNames(config.routes);
  const route = names.get(scan.model ?? "");
  if (route === undefined) throw problem("model", `there is no route "${scan.model ?? ""}"`, suggestion(scan.model ?? "", names.names()));
  const read = readAsks(new Map(headers.map(headerOf)), scan.asked);
  if (read.kind === "invalid") throw problem(read.field, read.message, "see docs/request-contract.md");
  const dialect = "openai-chat";
  const caller = { dialect, scan, headers: [], passed: null } as const;
  const call = { route, tenant: 0 as TenantId, caller, asks: read.asks, barred: dialectHandling(config, dialect).lack, only: null };
  const looks = promptLooks(config, []);
  return { route, request: routeRequest(call, { id: 0 as RequestId, serial: 0, now, config, hasTenants: false, looks }) };
}

function headerOf(header: string): readonly [string, string] {
  const colon = header.indexOf(":");
  if (colon > 0) return [header.slice(0, colon).trim().toLowerCase(), header.slice(colon + 1).trim()];
  throw new InputError([
    { file: "command line", line: null, column: null, field: "--header", message: `"${header}" has no colon`, fix: "write --header 'x-headgate-tags: eu'" },
  ]);
}

/** The core's state at the segment's end. Its configuration must be the one that is asked about. */
function snapshotOf(file: string, config: CompiledConfig): RouterSnapshot {
  const problem = (message: string, fix: string): InputError => new InputError([{ file, line: null, column: null, field: "--journal", message, fix }]);
  try {
    const { head, records } = readSegment(readFileSync(file));
    if (head.config.version !== config.version) throw problem("was written under another configuration", "give the configuration that the service ran with");
    const router = new Router(head.config, { seed: head.seed, explain: false }, head.snapshot);
    for (const record of records) {
      if (record.kind === "event") router.handle(record.event, record.at, { emit: () => undefined });
      else if (record.kind === "wake") router.wake(record.at, { emit: () => undefined });
    }
    // Asked is what it would have done, not that it was being stopped.
    return { ...router.snapshot(), draining: false };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, "give a file that `serve --journal FOLDER` wrote (*.hgj)");
  }
}

function named(explained: ExplainedRequest, config: CompiledConfig) {
  const nameOf = (id: EndpointId): string => {
    const endpoint = config.endpoints[id];
    return endpoint === undefined ? String(id) : `${config.deployments[endpoint.deployment]?.name ?? ""} ${endpoint.origin}`;
  };
  return {
    strategy: explained.strategy,
    measure: explained.measure,
    candidates: explained.candidates.map(({ endpoint, score, expectedCost, expectedLatency }) => ({
      endpoint: nameOf(endpoint),
      chosen: endpoint === explained.chosen,
      score,
      expectedCostUsd: expectedCost === null ? null : expectedCost / 1e9,
      expectedLatencyMs: expectedLatency === null ? null : expectedLatency / 1000,
    })),
    excluded: explained.excluded.map(({ endpoint, why }) => ({ endpoint: nameOf(endpoint), why })),
    result: explained.result,
    outputTokens: explained.outputTokens,
  };
}

function pathOf({ chosen, result, strategy }: ExplainedRequest, route: RouteSpec, config: CompiledConfig): readonly string[] {
  const path = [`route ${route.name}`, `strategy ${strategy}`];
  const endpoint = chosen === null ? undefined : config.endpoints[chosen];
  if (endpoint !== undefined) return [...path, `deployment ${config.deployments[endpoint.deployment]?.name ?? ""}`, `endpoint ${endpoint.origin}`];
  if (typeof result !== "object") return [...path, "waits for a place"];
  return [...path, result.kind === "rejected" ? `rejected: ${result.why}` : result.kind];
}

type Facts = ReturnType<typeof named> & { readonly path: readonly string[]; readonly inputTokens: number; readonly stream: boolean };

function lines({ path, candidates, excluded, measure, inputTokens, outputTokens, stream }: Facts): string {
  const told = [path.join(" > "), `about ${inputTokens} tokens in, ${outputTokens} out expected, ${stream ? "streamed" : "plain"}`];
  if (candidates.length > 0) told.push(`candidates${measure === "" ? "" : ` (score: ${measure}, less is better)`}:`);
  for (const { endpoint, chosen, score, expectedCostUsd, expectedLatencyMs } of candidates) {
    const cost = expectedCostUsd === null ? "price unknown" : `$${expectedCostUsd.toFixed(6)}`;
    const latency = expectedLatencyMs === null ? "latency not measured yet" : `${expectedLatencyMs.toFixed(0)} ms`;
    told.push(`  ${chosen ? "*" : " "} ${endpoint}  ${score === null ? "" : `score ${score}  `}${cost}  ${latency}`);
  }
  if (excluded.length > 0) told.push("excluded:", ...excluded.map(({ endpoint, why }) => `    ${endpoint}  ${why}`));
  return `${told.join("\n")}\n`;
}
