import { describe, expect, test } from "vitest";
import { readRequestHead, type RequestHead } from "../../router/http/ingress/request-head.ts";
import { compareHeads } from "../support/fuzz/compare-heads.ts";

type ReadHead = ReturnType<typeof readRequestHead>;
const seed = Number(process.env["HEADGATE_PROPERTY_SEED"] ?? 1);
const bodyBytesMax = 1000;
const read = (text: string): ReadHead => readRequestHead(Buffer.from(text, "latin1"), bodyBytesMax);
const post = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n";

const isHead = (head: ReadHead): head is RequestHead => head !== null && head !== "unfinished";

describe("the fast lane's reading of a head", () => {
  test("what it takes, Node reads as the same request, and the next one at the same place", async () => {
    const { taken, problems } = await compareHeads(readRequestHead, 20_000, seed);
    expect(problems).toEqual([]);
    expect(taken).toBeGreaterThan(5_000);
  });

  /** Each of them is a reader as others have been, with which requests were smuggled. */
  const lax: Readonly<Record<string, (text: string) => string>> = {
    "lines that end without a carriage return": (text) => text.replaceAll(/(?<!\r)\n/g, "\r\n"),
    "a blank before the colon": (text) => text.replaceAll(/[ \t]+:/g, ":"),
    "lines that go on": (text) => text.replaceAll(/\r\n[ \t]+/g, " "),
    "transfer-encoding as any other header": (text) => text.replaceAll(/transfer-encoding/gi, "x-encoding"),
    "the last of two lengths": (text) => text.replaceAll(/content-length:[^\r\n]*\r\n(?=[\s\S]*content-length:)/gi, ""),
    "control characters in values": (text) => text.replaceAll(/(?![\r\n\x80-\x9f])\p{Cc}/gu, "x"),
  };
  test.each(Object.entries(lax))("the comparison finds a reader that takes %s", async (_name, loosened) => {
    const reader = (bytes: Buffer, max: number): ReadHead => {
      const strict = readRequestHead(bytes, max);
      if (isHead(strict)) return strict;
      const text = bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const head = end === -1 ? null : readRequestHead(Buffer.from(loosened(text.slice(0, end + 4)), "latin1"), max);
      return isHead(head) ? { ...head, bytes: end + 4 } : null;
    };
    const { problems } = await compareHeads(reader, 20_000, seed);
    expect(problems.length).toBeGreaterThan(0);
  });

  test("what clients send is taken", () => {
    const head = read(
      `${post}Content-Type: application/json\r\nAuthorization: Bearer sk-1\r\nUser-Agent: OpenAI/JS 7.57.0\r\nconnection: keep-alive\r\n\r\n{}`,
    );
    expect(head).toMatchObject({ method: "POST", target: "/v1/chat/completions", contentLength: 2, keepAlive: true });
    expect(isHead(head) && head.headers.get("authorization")).toBe("Bearer sk-1");
    expect(read("GET /v1/models?a=b HTTP/1.1\r\nhost: h\r\nconnection: Close\r\n\r\n")).toMatchObject({ contentLength: 0, keepAlive: false });
  });

  const left: Readonly<Record<string, string>> = {
    "HTTP/1.0": `${post}\r\n`.replace("1.1", "1.0"),
    "another method": `${post}\r\n`.replace("POST", "PUT"),
    "an absolute target": `${post}\r\n`.replace("/v1", "http://h/v1"),
    "no host": `${post.replace("Host: h\r\n", "")}\r\n`,
    "two hosts": `${post}host: h\r\n\r\n`,
    "a name twice": `${post}x-one: 1\r\nX-One: 1\r\n\r\n`,
    "transfer-encoding": `${post}transfer-encoding: chunked\r\n\r\n`,
    expect: `${post}expect: 100-continue\r\n\r\n`,
    upgrade: `${post}connection: upgrade\r\nupgrade: h2c\r\n\r\n`,
    "a length with a sign": `${post}\r\n`.replace(": 2", ": +2"),
    "a length with a leading zero": `${post}\r\n`.replace(": 2", ": 02"),
    "a list of lengths": `${post}\r\n`.replace(": 2", ": 2, 2"),
    "more than may come": `${post}\r\n`.replace(": 2", ": 1001"),
    "a lone line feed": `${post}x: 1\n\r\n`,
    "a lone carriage return": `${post}x: 1\r2\r\n\r\n`,
    "a folded line": `${post}x: 1\r\n 2\r\n\r\n`,
    "a blank before the colon": `${post}x : 1\r\n\r\n`,
    "a tab behind the colon": `${post}x:\t1\r\n\r\n`,
    "a blank behind the value": `${post}x: 1 \r\n\r\n`,
    "a control character": `${post}x: \x0b\r\n\r\n`,
    "letters beyond ASCII": `${post}x: \u00e9\r\n\r\n`,
    "101 headers": `${post}${Array.from({ length: 99 }, (_, place) => `x-${place}: 1\r\n`).join("")}\r\n`,
    "16 KB": `${post}x: ${"x".repeat(16 * 1024)}\r\n\r\n`,
    "an empty line in front": `\r\n${post}\r\n`,
  };
  test.each(Object.entries(left))("%s is left to Node", (_name, text) => {
    expect(read(text)).toBeNull();
  });

  test("a head is unfinished up to its last byte", () => {
    const whole = `${post}x-empty:\r\n\r\n`;
    const seen = Array.from(whole, (_, length) => read(whole.slice(0, length)));
    expect(new Set(seen)).toEqual(new Set(["unfinished"]));
    expect(read(whole)).toMatchObject({ contentLength: 2 });
  });

  test.each(Object.entries(left))("what begins like %s is never read before it is whole", (_name, text) => {
    for (let length = 0; length < Math.min(text.length, 400); length += 1) expect([null, "unfinished"]).toContain(read(text.slice(0, length)));
  });

  test("what is odd is Node's as soon as it is seen", () => {
    const odd = [
      "\x16\x03",
      "PUT",
      "POST h",
      "POST /\x7f",
      "POST / HTTP/1.0",
      `${post}x y`,
      `${post} `,
      `${post}x: \x01`,
      `${post}x: 1\n`,
      `${post}x: 1\r\r`,
      `${post}x: ${"x".repeat(16 * 1024)}`,
    ];
    expect(odd.map(read)).toEqual(odd.map(() => null));
  });
});
