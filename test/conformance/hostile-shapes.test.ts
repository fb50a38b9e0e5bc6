import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adapterFor } from "../../router/providers/registry.ts";
import { bodyText, callerRequest, someTarget } from "../support/caller.ts";
import { changed, placesIn } from "../support/places-in.ts";
import { projectRoot } from "../support/project-root.ts";
import { HeardStream, type ToldDialect } from "../support/told.ts";

/** Callers and providers may send anything: a value of another form anywhere in a sample is refused, left out or passed over, and nothing ever throws. */
const folder = path.join(projectRoot, "fixtures/wire");
const text = (...place: string[]): string => readFileSync(path.join(folder, ...place), "utf8");
const providers = ["openai", "azure", "vllm", "anthropic", "vertex"];
const dialects: readonly ToldDialect[] = ["openai-chat", "anthropic-messages", "openai-responses"];
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    1.5,
    1e308,
    "",
    "x",
    "data:image/png;base64,AA",
    "\u0000\uD800",
    [],
    {},
    [[]],
    [null],
    { type: "text" },
    { type: {} },
    { a: { b: [1] } },
  ),
  fc.jsonValue(),
);

const changedSample = (sample: unknown) => fc.tuple(fc.constantFrom(...placesIn(sample)), odd).map(([place, to]) => changed(sample, place, to));
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

describe.each(providers)("%s", (provider) => {
  const adapter = adapterFor(provider);

  test.each(dialects)("whatever a caller sends as %s", (dialect) => {
    const bodies = changedSample(JSON.parse(text("callers", `${dialect}.json`))).filter(isObject);
    fc.assert(
      fc.property(bodies, (body) => {
        const encoded = adapter.encode(callerRequest(dialect, body), someTarget);
        if (encoded.kind === "refused") expect(encoded.field).not.toBe("");
        else if (encoded.mode === "translated") expect(() => JSON.parse(bodyText(encoded)) as unknown).not.toThrow();
      }),
      { numRuns: 400 },
    );
  });

  test.each(dialects)("whatever it answers, plain, to %s", (dialect) => {
    const request = callerRequest(dialect, { model: "chat" });
    const answers = fc.constantFrom("text", "tools", "filter").chain((name) => changedSample(JSON.parse(text(provider, `${name}.json`))));
    fc.assert(
      fc.property(answers, (answer) => {
        const bytes = Buffer.from(JSON.stringify(answer) ?? "null");
        const read = adapter.readAnswer(request, bytes);
        if (read !== null && adapter.handles(dialect) === "translates") expect(() => JSON.parse(Buffer.from(read.body).toString()) as unknown).not.toThrow();
        adapter.readFailure(request, 500, {}, bytes);
      }),
      { numRuns: 300 },
    );
  });

  test.each(dialects)("whatever it streams to %s", (dialect) => {
    const request = callerRequest(dialect, { model: "chat", stream: true });
    const events = (name: string): readonly string[] => text(provider, `${name}.sse`).trim().split("\n\n");
    const streams = fc.constantFrom("text", "tools", "error").chain((name) => {
      const all = events(name);
      return fc.tuple(fc.constant(all), fc.nat(all.length - 1)).chain(([list, place]) => {
        const [line = ""] = /^data: .*$/m.exec(list[place] ?? "") ?? [];
        if (line === "data: [DONE]") return fc.constant(list);
        return changedSample(JSON.parse(line.slice(6))).map((value) =>
          list.with(
            place,
            (list[place] ?? "").replace(line, () => `data: ${JSON.stringify(value) ?? "null"}`),
          ),
        );
      });
    });
    fc.assert(
      fc.property(streams, (list) => {
        const out = new HeardStream();
        const stream = adapter.openStream(request, out);
        stream.write(Buffer.from(`${list.join("\n\n")}\n\n`));
        stream.end();
        expect(out.log.filter((entry) => entry !== "first")).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });
});
