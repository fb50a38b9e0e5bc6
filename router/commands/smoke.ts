import process from "node:process";
import { Command } from "commander";
import type { ServiceSpec, UpstreamSpec } from "../config/service-spec.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { EndpointId } from "../core/messages.ts";
import { millis } from "../core/time.ts";
import { UpstreamKeys } from "../http/upstream-keys.ts";
import type { Credential } from "../providers/credential.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import { adapterFor } from "../providers/registry.ts";
import { quotable } from "../providers/without-secrets.ts";
import { Attempt, type AttemptEnding } from "../upstream/attempt.ts";
import { UpstreamLane } from "../upstream/upstream-lane.ts";
import { configOption, readConfig } from "./read-config.ts";
import { smokeRequest } from "./smoke-request.ts";
import { egressOf } from "../upstream/http1/egress.ts";
import { Http1Transport } from "../upstream/http1-transport.ts";

interface SmokeOptions {
  readonly config?: string;
  readonly json: boolean;
}
interface SmokeResult {
  readonly deployment: string;
  readonly origin: string;
  /** Null: it was not asked. */
  readonly ok: boolean | null;
  readonly said: string;
  readonly durationMs: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

const limits = { connect: millis(5_000), firstToken: millis(60_000), idle: millis(60_000), total: millis(60_000) };
const totalMs = 60_000;
const unasked = "not asked: by its name it neither chats nor embeds";

export function smokeCommand(): Command {
  return new Command("smoke")
    .description(
      "send one real request to each endpoint of each deployment (a few tokens each, which are paid for); models that neither chat nor embed, by their names, are not asked",
    )
    .option(...configOption)
    .option("--json", "print as JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  headgate config smoke\n  headgate config smoke -c headgate.yaml\n\nExit codes: 0 all that were asked have answered, 1 one has not, 2 bad input",
    )
    .action(smoke);
}

async function smoke(options: SmokeOptions): Promise<void> {
  const { compiled, service } = await readConfig(options.config);
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
  process.exitCode = results.every(({ ok }) => ok !== false) ? 0 : 1;
}

interface Tools {
  readonly credentials: readonly (Credential | null)[];
  readonly transport: Http1Transport;
}

async function tryEndpoint(upstream: ServiceSpec["endpoints"][number], id: EndpointId, config: CompiledConfig, tools: Tools): Promise<SmokeResult> {
  const deployment = config.deployments[upstream.deployment]?.name ?? "";
  const request = smokeRequest(upstream.model);
  if (request === null) return { deployment, origin: upstream.origin, ok: null, said: unasked, durationMs: 0, inputTokens: null, outputTokens: null };
  const startedMs = performance.now();
  const ending = await attempted(upstream, id, request, tools);
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

async function attempted(upstream: UpstreamSpec, id: EndpointId, request: CallerRequest, { credentials, transport }: Tools): Promise<AttemptEnding> {
  return new Promise((resolve) => {
    const attempt = new Attempt(
      { lane: new UpstreamLane(adapterFor(upstream.provider), upstream, credentials[id] ?? null), request, limits, inputTokens: 1 },
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

function lineOf({ deployment, origin, ok, said, durationMs, inputTokens, outputTokens }: SmokeResult): string {
  if (ok === null) return `skip ${deployment} ${origin}  ${said}\n`;
  const tokens = inputTokens === null ? "" : `, ${inputTokens} tokens in, ${outputTokens ?? "?"} out`;
  return `${ok ? "ok  " : "FAIL"} ${deployment} ${origin}  ${said} in ${durationMs} ms${tokens}\n`;
}
