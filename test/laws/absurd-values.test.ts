import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokensMax } from "../../router/core/accounting/request-bounds.ts";
import type { Usage } from "../../router/core/messages.ts";
import { adapterFor } from "../../router/providers/registry.ts";
import type { StreamOut } from "../../router/providers/provider-adapter.ts";
import { partsOf } from "../../router/providers/sent-body.ts";
import { scanBody } from "../../router/providers/body-scan.ts";
import { answersAsked } from "../../router/http/answers-asked.ts";
import { someTarget } from "../support/caller.ts";
import { absurdPlaces, absurdValues, withAbsurd } from "../support/fuzz/absurd-json.ts";
import { answerSamples, requestNumbers } from "../support/fuzz/absurd-samples.ts";
import { projectRoot } from "../support/project-root.ts";
import type { ToldDialect } from "../support/told.ts";

/** Whatever valid JSON a caller or a provider sends: an adapter gives something back or refuses it with a name, and the core hears only of whole numbers that one request can have. */
const providers = ["openai", "azure", "vllm", "anthropic", "vertex"] as const;
const dialects: readonly ToldDialect[] = ["openai-chat", "anthropic-messages", "openai-responses"];
const runs = Number(process.env["HEADGATE_ABSURD_RUNS"] ?? 150);

const recorded = (dialect: ToldDialect): object => JSON.parse(readFileSync(path.join(projectRoot, `fixtures/wire/callers/${dialect}.json`), "utf8")) as object;
const absurdly = (sample: object, more: readonly string[] = []): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...absurdPlaces(sample, more)), fc.constantFrom(...absurdValues), fc.boolean())
    .map(([place, value, twice]) => withAbsurd(sample, place, value, twice));

function spoken(provider: (typeof providers)[number], dialect: ToldDialect): { readonly plain: readonly object[]; readonly stream: readonly object[] } {
  if (provider === "anthropic") return answerSamples.messages;
  if (provider === "vertex") return answerSamples.generated;
  return adapterFor(provider).handles(dialect) === "passes" && dialect === "openai-responses" ? answerSamples.responses : answerSamples.chat;
}

const isMeasured = (count: number): boolean => Number.isInteger(count) && count >= 0 && count <= tokensMax && !Object.is(count, -0);

function expectMeasured(usage: Usage | null): void {
  if (usage === null) return;
  const counts = [usage.input, usage.output, usage.cachedRead, usage.cacheWrite, usage.reasoning, usage.pictureTokens ?? 0];
  for (const count of counts) expect(isMeasured(count), JSON.stringify(usage)).toBe(true);
  expect(usage.cachedRead + usage.cacheWrite).toBeLessThanOrEqual(tokensMax);
}

/** Hears a stream and holds what the core would be told to its bounds. */
class Heard implements StreamOut {
  ends = 0;
  bytes(): void {
    expect(this.ends).toBe(0);
  }
  firstContent(): void {
    expect(this.ends).toBe(0);
  }
  usage(usage: Usage): void {
    expectMeasured(usage);
  }
  done(): void {
    this.ends += 1;
  }
  failed(failure: Parameters<StreamOut["failed"]>[0]): void {
    this.ends += 1;
    expectMeasuredWait(failure.retryAfter);
  }
}

function expectMeasuredWait(wait: number | null): void {
  expect(wait === null || (Number.isSafeInteger(wait) && wait >= 0)).toBe(true);
}

describe.each(providers)("%s", (provider) => {
  const adapter = adapterFor(provider);

  test.each(dialects)("a request as %s", (dialect) => {
    fc.assert(
      fc.property(absurdly({ ...recorded(dialect), stream: true }, requestNumbers[dialect]), (body) => {
        const read = scanBody(Buffer.from(body));
        if (read.kind === "malformed") return;
        const { scan } = read;
        const request = { dialect, scan, headers: [], passed: null };
        for (const count of [scan.outputTokensMax ?? 0, scan.answers, answersAsked(request)]) expect(isMeasured(count)).toBe(true);
        const encoded = adapter.encode(request, someTarget);
        if (encoded.kind === "refused") expect(encoded.field).not.toBe("");
        else JSON.parse(Buffer.concat(partsOf(encoded.body)).toString("utf8"));
      }),
      { numRuns: runs },
    );
  });

  test.each(dialects)("a plain answer to %s", (dialect) => {
    const request = { dialect, scan: scanned('{"model":"chat"}'), headers: [], passed: null };
    const answers = fc.constantFrom(...spoken(provider, dialect).plain).chain((sample) => absurdly(sample));
    fc.assert(
      fc.property(answers, (answer) => {
        const read = adapter.readAnswer(request, Buffer.from(answer));
        if (read === null) return;
        expectMeasured(read.usage);
        JSON.parse(Buffer.from(read.body).toString("utf8"));
      }),
      { numRuns: runs },
    );
  });

  test.each(dialects)("a failure told to %s", (dialect) => {
    const request = { dialect, scan: scanned('{"model":"chat"}'), headers: [], passed: null };
    const failures = fc.constantFrom(...answerSamples.errors).chain((sample) => absurdly(sample));
    const statuses = fc.constantFrom(400, 401, 404, 408, 413, 418, 429, 500, 503, 529, 599);
    fc.assert(
      fc.property(failures, statuses, fc.constantFrom(...absurdValues), (body, status, wait) => {
        const headers = { "retry-after": wait, "retry-after-ms": wait };
        expectMeasuredWait(adapter.readFailure(request, status, headers, Buffer.from(body)).retryAfter);
      }),
      { numRuns: runs },
    );
  });

  test.each(dialects)("a stream to %s", (dialect) => {
    const request = { dialect, scan: scanned('{"model":"chat","stream":true}'), headers: [], passed: null };
    const events: readonly object[] = [...spoken(provider, dialect).stream, ...answerSamples.errors];
    const broken = fc.nat(events.length - 1).chain((place) => absurdly(events[place] ?? {}).map((text) => ({ place, text })));
    fc.assert(
      fc.property(broken, ({ place, text }) => {
        const heard = new Heard();
        const stream = adapter.openStream(request, heard);
        for (const [at, event] of events.entries()) if (heard.ends === 0) stream.write(Buffer.from(`data: ${at === place ? text : JSON.stringify(event)}\n\n`));
        if (heard.ends === 0) stream.end();
        expect(heard.ends).toBe(1);
      }),
      { numRuns: runs },
    );
  });
});

function scanned(body: string): Extract<ReturnType<typeof scanBody>, { kind: "scanned" }>["scan"] {
  const read = scanBody(Buffer.from(body));
  if (read.kind === "malformed") throw new Error(read.message);
  return read.scan;
}
