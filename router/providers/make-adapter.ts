import type { Usage } from "../core/messages.ts";
import { readMessageUsage } from "./anthropic/usage.ts";
import { MessageTap } from "./anthropic/tap.ts";
import { aboutOf, type CallerDialect } from "./dialects/caller-dialect.ts";
import { callerDialects } from "./dialects/caller-dialects.ts";
import { ResponseTap, readResponseUsage } from "./dialects/openai-responses/tap.ts";
import { Untranslatable } from "./neutral/untranslatable.ts";
import { usageOfAnswer } from "./openai-compatible/response.ts";
import { CompletionTap } from "./openai-compatible/tap.ts";
import { isRecord, readUsage } from "./openai-compatible/usage.ts";
import { bodyHeaders, ownFields, passOn, usageSplices } from "./pass-on.ts";
import type { CallerRequest, Dialect, EncodedRequest, Encoding, ProviderAdapter, ReadAnswer, Target } from "./provider-adapter.ts";
import type { ProviderFormat } from "./provider-format.ts";
import { withServedTier } from "./served-tier.ts";
import { type TapReader, TapStream } from "./tap-stream.ts";
import { UnknownTap } from "./unknown-tap.ts";
import { TranslatedStream } from "./translated-stream.ts";

/** How bytes of a dialect are read that pass. */
interface PassedDialect {
  readonly readUsage: (value: unknown) => Usage | null;
  readonly openTap: (request: CallerRequest) => TapReader;
}
const completions: PassedDialect = { readUsage, openTap: ({ scan }) => new CompletionTap(scan.includeUsage, scan.serviceTier !== null) };
const passedDialects: Readonly<Record<Dialect, PassedDialect>> = {
  "openai-chat": completions,
  "openai-completions": completions,
  "openai-embeddings": completions,
  "openai-other": { readUsage, openTap: () => new UnknownTap() },
  "openai-responses": { readUsage: readResponseUsage, openTap: ({ scan }) => new ResponseTap(scan.serviceTier !== null) },
  "anthropic-messages": { readUsage: readMessageUsage, openTap: () => new MessageTap() },
};

/** A provider's format made an adapter: what it speaks itself passes, the rest goes through the neutral form. */
export function makeAdapter(format: ProviderFormat): ProviderAdapter {
  return {
    name: format.name,
    handles: (dialect) => (format.speaks.has(dialect) ? "passes" : callerDialects[dialect] === undefined ? "no" : "translates"),
    encode: (request, target) => encode(format, request, target),
    authorise: (credential, target) => format.authorise(credential, target),
    readFailure: (request, status, headers, body) => {
      const failure = format.readFailure(status, headers, body, Date.now());
      // What is missing there is what the caller has asked for, not our model.
      return request.dialect === "openai-other" && failure.kind === "not-found" ? { ...failure, kind: "bad-request" } : failure;
    },
    readAnswer: (request, body) => readAnswer(format, request, Buffer.from(body.buffer, body.byteOffset, body.byteLength)),
    openStream: (request, out) => {
      if (format.speaks.has(request.dialect)) return new TapStream(passedDialects[request.dialect].openTap(request), out);
      return new TranslatedStream(format.openReader(), dialectOf(request).openWriter(aboutOf(request)), out);
    },
  };
}

function encode(format: ProviderFormat, request: CallerRequest, target: Target): Encoding {
  const { dialect, scan, passed } = request;
  if (!format.speaks.has(dialect)) return translate(format, request, target);
  const path = format.path(dialect, target, scan.stream, passed?.path ?? "");
  if (passed !== null) return passUnread(request, path, target);
  const headers = withDefaults(format.headers, request.headers);
  return passOn(scan, { path, model: target.model, headers }, dialect === "openai-chat" || dialect === "openai-completions" ? usageSplices(scan) : []);
}

/** A caller that names a version of the dialect gets that one. */
function withDefaults(defaults: readonly string[], given: readonly string[]): readonly string[] {
  if (defaults.length === 0) return given;
  const names = new Set(given.filter((_, place) => place % 2 === 0));
  return [...defaults.filter((_, place) => !names.has(defaults[place - (place % 2)] ?? "")), ...given];
}

/** A path that the router does not know: the body goes as it came, but for the model where there is one. */
function passUnread(request: CallerRequest, path: string, target: Target): EncodedRequest {
  const { scan, passed, headers } = request;
  const mode = scan.stream ? ("tap" as const) : ("as-is" as const);
  const method = passed?.method ?? "POST";
  if (scan.modelSpan === null)
    return { kind: "encoded", method, path, headers: [...headers, "accept-encoding", "identity"], body: [scan.body], mode, dropped: [] };
  const typeless = headers.filter((_, place) => headers[place - (place % 2)] !== "content-type");
  return { ...passOn(scan, { path, model: target.model, headers: typeless }), method, mode };
}

function dialectOf({ dialect }: CallerRequest): CallerDialect {
  const found = callerDialects[dialect];
  if (found === undefined) throw new Error(`assertion: ${dialect} is not translated`);
  return found;
}

function translate(format: ProviderFormat, request: CallerRequest, target: Target): Encoding {
  const { dialect, scan } = request;
  const known = callerDialects[dialect];
  if (known === undefined)
    return { kind: "refused", field: "model", message: `${format.name} has no such endpoint (${dialect}); ask for a model of another provider` };
  try {
    const neutral = known.readRequest(ownFields(scan));
    const written = format.writeRequest(neutral, target);
    const trace = request.headers.filter((_, place) => isTrace(request.headers[place - (place % 2)] ?? ""));
    return {
      kind: "encoded",
      method: "POST",
      path: format.path("translated", target, scan.stream, ""),
      headers: [...bodyHeaders(scan.stream), ...format.headers, ...trace],
      body: [Buffer.from(JSON.stringify(written.body))],
      mode: "translated",
      dropped: [...neutral.dropped, ...written.dropped],
    };
  } catch (error) {
    if (error instanceof Untranslatable) return { kind: "refused", field: error.field, message: error.message };
    throw error;
  }
}

const isTrace = (header: string): boolean => header === "traceparent" || header === "tracestate";

function readAnswer(format: ProviderFormat, request: CallerRequest, body: Buffer): ReadAnswer | null {
  if (format.speaks.has(request.dialect)) {
    const usage = usageOfAnswer(body, passedDialects[request.dialect].readUsage);
    return { body, usage: usage === null || request.scan.serviceTier === null ? usage : withServedTier(usage, tierOf(parsed(body))) };
  }
  const answer = format.readAnswer(parsed(body));
  if (answer === null) return null;
  return { body: Buffer.from(JSON.stringify(dialectOf(request).writeAnswer(answer, aboutOf(request)))), usage: answer.usage };
}

const tierOf = (answer: unknown): unknown => (isRecord(answer) ? answer["service_tier"] : null);

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}
