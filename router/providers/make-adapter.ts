import type { Usage } from "../core/messages.ts";
import { readMessageUsage } from "./anthropic/usage.ts";
import { MessageTap } from "./anthropic/tap.ts";
import { aboutOf, type CallerDialect } from "./dialects/caller-dialect.ts";
import { callerDialects } from "./dialects/caller-dialects.ts";
import { ResponseTap, readResponseUsage } from "./dialects/openai-responses/tap.ts";
import { Untranslatable } from "./neutral/untranslatable.ts";
import { usageOfAnswer } from "./openai-compatible/response.ts";
import { CompletionTap } from "./openai-compatible/tap.ts";
import { readUsage } from "./openai-compatible/usage.ts";
import { bodyHeaders, ownFields, passedBody, usageSplices } from "./pass-on.ts";
import type { CallerRequest, Dialect, EncodedRequest, Encoding, PassedRequest, ProviderAdapter, ReadAnswer, Target } from "./provider-adapter.ts";
import { wholeBody } from "./sent-body.ts";
import type { ProviderFormat } from "./provider-format.ts";
import { StandingHeads } from "./standing-heads.ts";
import { mayBeUnusual, withServedTier } from "./served-tier.ts";
import { type TapReader, TapStream } from "./tap-stream.ts";
import { unwritableField } from "./unwritable-field.ts";
import { UnknownTap } from "./unknown-tap.ts";
import { TranslatedStream } from "./translated-stream.ts";
import { isFields } from "../core/fields.ts";

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
  const heads = new StandingHeads(format);
  return {
    name: format.name,
    handles: (dialect) => (format.speaks.has(dialect) ? "passes" : callerDialects[dialect] === undefined ? "no" : "translates"),
    encode: (request, target) => encodeOrRefuse(format, heads, request, target),
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

const nothingDropped: readonly string[] = [];

/** The surface reads no further than it must: that a body is no JSON deep inside is found out by whoever reads all of it. */
function encodeOrRefuse(format: ProviderFormat, heads: StandingHeads, request: CallerRequest, target: Target): Encoding {
  try {
    return encode(format, heads, request, target);
  } catch (error) {
    if (error instanceof Untranslatable) return { kind: "refused", field: error.field, message: error.message };
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    const message = `the body is not valid JSON, or nested beyond all measure: ${error.message}`;
    return { kind: "refused", field: unwritableField(request.scan.body), message };
  }
}

function encode(format: ProviderFormat, heads: StandingHeads, request: CallerRequest, target: Target): Encoding {
  const { dialect, scan, passed, headers } = request;
  if (!format.speaks.has(dialect)) return translate(format, request, target);
  if (passed !== null) return passUnread(format, request, passed, target);
  const head = heads.headOf(dialect, target, scan.stream, headers);
  const splices = dialect === "openai-chat" || dialect === "openai-completions" ? usageSplices(scan) : [];
  return { kind: "encoded", head, body: passedBody(scan, target.model, splices), mode: scan.stream ? "tap" : "as-is", dropped: nothingDropped };
}

/** A path that the router does not know: the body goes as it came, but for the model where there is one. */
function passUnread(format: ProviderFormat, { dialect, scan, headers }: CallerRequest, passed: PassedRequest, target: Target): EncodedRequest {
  const path = format.path(dialect, target, scan.stream, passed.path);
  const { method } = passed;
  const mode = scan.stream ? ("tap" as const) : ("as-is" as const);
  if (scan.modelSpan === null) {
    const head = { method, path, headers: [...headers, "accept-encoding", "identity"], isStanding: false };
    return { kind: "encoded", head, body: wholeBody(scan.body), mode, dropped: nothingDropped };
  }
  const typeless = headers.filter((_, place) => headers[place - (place % 2)] !== "content-type");
  const head = { method, path, headers: [...bodyHeaders(scan.stream), ...typeless], isStanding: false };
  return { kind: "encoded", head, body: passedBody(scan, target.model, []), mode, dropped: nothingDropped };
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
  const neutral = known.readRequest(ownFields(scan));
  const written = format.writeRequest(neutral, target);
  const trace = request.headers.filter((_, place) => isTrace(request.headers[place - (place % 2)] ?? ""));
  return {
    kind: "encoded",
    head: {
      method: "POST",
      path: format.path("translated", target, scan.stream, ""),
      headers: [...bodyHeaders(scan.stream), ...format.headers, ...trace],
      isStanding: false,
    },
    body: wholeBody(Buffer.from(JSON.stringify(written.body))),
    mode: "translated",
    dropped: [...neutral.dropped, ...written.dropped],
  };
}

const isTrace = (header: string): boolean => header === "traceparent" || header === "tracestate";

function readAnswer(format: ProviderFormat, request: CallerRequest, body: Buffer): ReadAnswer | null {
  if (format.speaks.has(request.dialect)) {
    const usage = usageOfAnswer(body, passedDialects[request.dialect].readUsage);
    const asked = request.scan.serviceTier !== null;
    return { body, usage: usage === null || !(asked || mayBeUnusual(body)) ? usage : withServedTier(usage, tierOf(parsed(body)), asked) };
  }
  try {
    const answer = format.readAnswer(parsed(body));
    return answer === null ? null : { body: Buffer.from(JSON.stringify(dialectOf(request).writeAnswer(answer, aboutOf(request)))), usage: answer.usage };
  } catch (error) {
    // Nested beyond what can be written.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const tierOf = (answer: unknown): unknown => (isFields(answer) ? answer["service_tier"] : null);

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}
