import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scanBody } from "../../../../router/providers/body-scan.ts";
import { sealCredential } from "../../../../router/providers/credential.ts";
import { openAiCompatible } from "../../../../router/providers/openai-compatible/index.ts";
import { bodyText, callerRequest, encodedBy, someTarget } from "../../../support/caller.ts";

const target = { ...someTarget, basePath: "/base", model: 'up"stream' };

function scanned(text: string) {
  const result = scanBody(Buffer.from(text));
  if (result.kind === "malformed") throw new Error(result.message);
  return result.scan;
}

function encodedBody(text: string): string {
  return bodyText(encodedBy(openAiCompatible, callerRequest("openai-chat", text), target));
}

describe("what is read of a body, and what is written anew", () => {
  test("only the model name is replaced; everything else keeps its bytes", () => {
    const text = ` { "temperature" : 1.50, "model" :  "chat", "messages":[{"content":"a \\"model\\": \\"x\\" \\\\"}] } `;
    expect(encodedBody(text)).toBe(text.replace('"chat"', '"up\\"stream"'));
  });

  test("a stream's usage is asked for", () => {
    expect(encodedBody('{"model":"chat","stream":true}')).toBe('{"stream_options":{"include_usage":true},"model":"up\\"stream","stream":true}');
    expect(encodedBody('{"model":"chat","stream":true,"stream_options":{"x":1,"include_usage":false}}')).toBe(
      '{"model":"up\\"stream","stream":true,"stream_options":{"x":1,"include_usage":true}}',
    );
    expect(encodedBody('{"model":"chat","stream":true,"stream_options":null}')).toBe(
      '{"model":"up\\"stream","stream":true,"stream_options":{"include_usage":true}}',
    );
    const asked = '{"model":"chat","stream":true,"stream_options":{"include_usage":true}}';
    expect(encodedBody(asked)).toBe(asked.replace('"chat"', '"up\\"stream"'));
  });

  test("paths and modes", () => {
    const plain = encodedBy(openAiCompatible, callerRequest("openai-chat", '{"model":"chat"}'), target);
    expect([plain.head.path, plain.mode]).toEqual(["/base/v1/chat/completions", "as-is"]);
    expect(encodedBy(openAiCompatible, callerRequest("openai-chat", '{"model":"chat","stream":true}'), target).mode).toBe("tap");
  });

  test("escaped and repeated keys are decided by JSON.parse", () => {
    expect(scanned('{"mod\\u0065l":"chat"}').model).toBe("chat");
    expect(scanned('{"model":"one","model":"two"}').model).toBe("two");
    expect(encodedBody('{"model":"one","model":"two"}')).toBe('{"model":"up\\"stream"}');
  });

  test("caps on the output", () => {
    expect(scanned('{"max_tokens":7}').outputTokensMax).toBe(7);
    expect(scanned('{"max_tokens":7,"max_completion_tokens":9}').outputTokensMax).toBe(9);
    expect(scanned('{"max_completion_tokens":null,"max_tokens":7}').outputTokensMax).toBe(7);
    expect(scanned('{"max_tokens":"7"}').outputTokensMax).toBeNull();
  });

  test("how many answers are made of a prompt", () => {
    const answers = (text: string): number => scanned(text).answers;
    expect(["{}", '{"n":1}', '{"n":null}', '{"n":"4"}', '{"n":0}', '{"n":-3}'].map(answers)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(['{"n":3}', '{"n":2,"best_of":5}', '{"n":5,"best_of":2}'].map(answers)).toEqual([3, 5, 5]);
  });

  test.each(["", "{", "[]", "null", '"x"', '{"a":1,}', '{"a" 1}', "{a:1}", '{"a":[}', '{"a":1} x', '{"a":tru}', '{"a":01}', '{"a":"x}'])(
    "not a JSON object: %s",
    (text) => {
      expect(scanBody(Buffer.from(text)).kind).toBe("malformed");
    },
  );

  test("for any JSON object the scan reads what JSON.parse reads, and the splices change nothing else", () => {
    const keys = fc.constantFrom("model", "stream", "stream_options", "max_tokens", "messages", "x", 'quo"te', "back\\slash", "priority", "tags");
    const leaf = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.constant("chat"),
      fc.constant({ include_usage: true }),
    );
    const bodies = fc.dictionary(keys, fc.oneof(leaf, fc.array(fc.dictionary(fc.string(), leaf))));
    fc.assert(
      fc.property(bodies, fc.constantFrom(undefined, 1, 2), (body, indent) => {
        const text = JSON.stringify(body, null, indent);
        const scan = scanned(text);
        const value = JSON.parse(text) as Record<string, unknown>;
        expect(scan.model).toBe(typeof value["model"] === "string" ? value["model"] : null);
        expect(scan.stream).toBe(value["stream"] === true);
        const options = value["stream_options"];
        const kept = typeof options === "object" && options !== null && !Array.isArray(options) ? options : {};
        const { priority: _priority, tags: _tags, ...theirs } = value;
        const expected = { ...theirs, model: target.model, ...(value["stream"] === true ? { stream_options: { ...kept, include_usage: true } } : {}) };
        expect(JSON.parse(encodedBody(text))).toEqual(expected);
      }),
    );
  });

  test("a key goes to its own provider only", () => {
    const credential = sealCredential("http://provider", () => "sk-1");
    expect(openAiCompatible.authorise(credential, target)).toEqual(["authorization", "Bearer sk-1"]);
    expect(() => openAiCompatible.authorise(credential, { ...target, origin: "http://other" })).toThrow("assertion");
    expect(JSON.stringify(credential)).not.toContain("sk-1");
  });
});
