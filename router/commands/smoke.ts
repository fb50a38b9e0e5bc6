import process from "node:process";
import { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import type { ServiceSpec, UpstreamSpec } from "../config/service-spec.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { EndpointId } from "../core/messages.ts";
import { millis } from "../core/time.ts";
import { UpstreamKeys } from "../http/upstream-keys.ts";
import { scanBody } from "../providers/body-scan.ts";
import type { Credential } from "../providers/credential.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import { adapterFor } from "../providers/registry.ts";
import { quotable } from "../providers/without-secrets.ts";
import { Attempt, type AttemptEnding } from "../upstream/attempt.ts";
import { UpstreamLane } from "../upstream/upstream-lane.ts";
import { egressOf } from "../upstream/http1/egress.ts";
import { Http1Transport } from "../upstream/http1-transport.ts";

interface SmokeOptions {
  readonly config: string;
  readonly json: boolean;
}
interface SmokeResult {
  readonly deployment: string;
  readonly origin: string;
  readonly ok: boolean;
  readonly said: string;
  readonly durationMs: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

const limits = { connect: millis(5_000), firstToken: millis(60_000), idle: millis(60_000), total: millis(60_000) };
const totalMs = 60_000;

export function smokeCommand(): Command {
  return new Command("smoke")
    .description("send one real request to each endpoint of each deployment (a few tokens each, which are paid for)")
    .requiredOption("-c, --config <file>", "configuration (YAML)")
    .option("--json", "print as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate config smoke -c headgate.yaml\n\nExit codes: 0 all have answered, 1 one has not, 2 bad input")
    .action(smoke);
}

async function smoke(options: SmokeOptions): Promise<void> {
  const { compiled, service } = loadConfig(options.config, process.env);
  const transport = new Http1Transport(egressOf(service.egress));
  const keys = new UpstreamKeys(transport, (message) => process.stderr.write(`headgate: no access token from Google: ${message}\n`));
  const credentials = service.endpoints.map(({ origin, key }) => keys.seal(origin, key));
  await keys.ready(10_000);
  const results: SmokeResult[] = [];
  for (const [id, upstream] of service.endpoints.entries()) {
    const result = await tryEndpoint(upstream, id as EndpointId, compiled, { credentials, transport });
    results.push(result);
    if (!options.json) process.stdout.write(lineOf(result));
  }
  keys.close();
  transport.close();
  if (options.json) process.stdout.write(`${JSON.stringify({ results })}\n`);
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
}

interface Tools {
  readonly credentials: readonly (Credential | null)[];
  readonly transport: Http1Transport;
}

async function tryEndpoint(upstream: ServiceSpec["endpoints"][number], id: EndpointId, config: CompiledConfig, tools: Tools): Promise<SmokeResult> {
  const deployment = config.deployments[upstream.deployment]?.name ?? "";
  const startedMs = performance.now();
  const ending = await attempted(upstream, id, tools);
  const { outcome, message, status } = ending;
  const ok = outcome.kind === "succeeded";
  const why = `${outcome.failure ?? outcome.kind}${status === 0 ? "" : ` (${status})`}: ${quotable(message)}`;
  return {
    deployment,
    origin: upstream.origin,
    ok,
    said: ok ? "answered" : why,
    durationMs: Math.round(performance.now() - startedMs),
    inputTokens: outcome.usageEstimated ? null : (outcome.usage?.input ?? null),
    outputTokens: outcome.usageEstimated ? null : (outcome.usage?.output ?? null),
  };
}

async function attempted(upstream: UpstreamSpec, id: EndpointId, { credentials, transport }: Tools): Promise<AttemptEnding> {
  return new Promise((resolve) => {
    const attempt = new Attempt(
      { lane: new UpstreamLane(adapterFor(upstream.provider), upstream, credentials[id] ?? null), request: smokeRequest(), limits, inputTokens: 1 },
      {
        onBytes: () => undefined,
        onFirstContent: () => undefined,
        onReadOver: () => undefined,
        onEnded: (ending) => {
          clearTimeout(timer);
          resolve(ending);
        },
      },
    );
    const timer = setTimeout(() => attempt.abort(), totalMs);
    attempt.start(transport);
  });
}

function smokeRequest(): CallerRequest {
  const body = { model: "smoke", messages: [{ role: "user", content: "Answer with OK." }], max_completion_tokens: 16 };
  const result = scanBody(Buffer.from(JSON.stringify(body)));
  if (result.kind === "malformed") throw new Error(`assertion: ${result.message}`);
  return { dialect: "openai-chat", scan: result.scan, headers: [], passed: null };
}

function lineOf({ deployment, origin, ok, said, durationMs, inputTokens, outputTokens }: SmokeResult): string {
  const tokens = inputTokens === null ? "" : `, ${inputTokens} tokens in, ${outputTokens ?? "?"} out`;
  return `${ok ? "ok  " : "FAIL"} ${deployment} ${origin}  ${said} in ${durationMs} ms${tokens}\n`;
}
