import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnswerHead } from "../../../../router/upstream/http1/answer-head.ts";
import { AnswerParser, type AnswerSink } from "../../../../router/upstream/http1/answer-parser.ts";
import type { ResponseHeaders } from "../../../../router/providers/provider-adapter.ts";

class Heard implements AnswerSink {
  status = 0;
  contentType: string | null = null;
  headers: ResponseHeaders = {};
  text = "";
  reusable: boolean | null = null;
  onAnswerHead({ status, contentType, headers }: AnswerHead): void {
    this.status = status;
    this.contentType = contentType;
    this.headers = headers;
  }
  onAnswerData(content: Buffer): void {
    this.text += content.toString("latin1");
  }
  onAnswerEnd(reusable: boolean): void {
    expect(this.reusable).toBeNull();
    this.reusable = reusable;
  }
}

/** @param cuts places at which the bytes are split */
function read(text: string, cuts: readonly number[] = [], ends = false): { heard: Heard; problem: string | null } {
  const heard = new Heard();
  const parser = new AnswerParser(heard);
  const bytes = Buffer.from(text, "latin1");
  const places = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((one, other) => one - other), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    const piece = bytes.subarray(places[index - 1], places[index]);
    const problem = piece.length === 0 ? null : parser.write(piece);
    if (problem !== null) return { heard, problem };
  }
  if (ends) parser.end();
  return { heard, problem: null };
}

const whole: Readonly<Record<string, { readonly bytes: string; readonly text: string; readonly reusable: boolean }>> = {
  "a length": { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", text: "hello", reusable: true },
  "a length of zero": { bytes: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", text: "", reusable: true },
  "no status text": { bytes: "HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", text: "x", reusable: true },
  "no content by its status": { bytes: "HTTP/1.1 204 No Content\r\n\r\n", text: "", reusable: true },
  "interim answers before it": {
    bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    text: "ok",
    reusable: true,
  },
  chunks: {
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, 10 bytes\r\n0\r\n\r\n",
    text: "hello, 10 bytes",
    reusable: true,
  },
  "chunks with trailers": {
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-one: a\r\nx-two: b\r\n\r\n",
    text: "ok",
    reusable: true,
  },
  "a connection that will not be kept": { bytes: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", text: "ok", reusable: false },
  "HTTP/1.0": { bytes: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", text: "ok", reusable: false },
};

describe("an answer is read alike however its bytes are split", () => {
  test.each(Object.entries(whole))("%s", (_name, { bytes, text, reusable }) => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
        const { heard, problem } = read(bytes, cuts);
        expect(problem).toBeNull();
        expect(heard).toMatchObject({ text, reusable });
      }),
      { numRuns: 60 },
    );
    // Byte by byte.
    expect(
      read(
        bytes,
        Array.from(bytes, (_byte, place) => place),
      ).heard,
    ).toMatchObject({ text, reusable });
  });

  test("to the end of the connection, where nothing says how long it is", () => {
    const { heard } = read("HTTP/1.1 200 OK\r\n\r\nall that comes", [3, 25], true);
    expect(heard).toMatchObject({ text: "all that comes", reusable: false });
    expect(read("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", [], true).heard.reusable).toBeNull();
  });

  test("bytes behind an answer: it is whole, and the connection is not used again", () => {
    expect(read("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n").heard).toMatchObject({ text: "ok", reusable: false });
    expect(read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nmore").heard.reusable).toBe(false);
  });
});

describe("what is read of a head", () => {
  test("of a failure all headers, with those that came twice as a list; of a success the content's type", () => {
    const lines = "Content-Type:  text/html \r\nRetry-After: 7\r\nX-One: a\r\nx-one:\tb\r\ncontent-length: 0\r\n\r\n";
    const failed = read(`HTTP/1.1 429 Too Many\r\n${lines}`).heard;
    expect(failed.headers).toEqual({ "content-type": "text/html", "retry-after": "7", "x-one": ["a", "b"], "content-length": "0" });
    expect(failed.contentType).toBe("text/html");
    const served = read(`HTTP/1.1 200 OK\r\n${lines}`).heard;
    expect([served.contentType, served.headers]).toEqual(["text/html", {}]);
  });

  test("several answers of one connection, each with its own content type", () => {
    const heard = new Heard();
    const parser = new AnswerParser(heard);
    for (const type of ["application/json", "text/event-stream", null, "application/json"]) {
      parser.reset();
      heard.reusable = null;
      parser.write(Buffer.from(`HTTP/1.1 200 OK\r\n${type === null ? "" : `content-type: ${type}\r\n`}content-length: 0\r\n\r\n`));
      expect([heard.contentType, heard.reusable]).toEqual([type, true]);
    }
  });
});

describe("what could be understood in two ways is refused", () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;
  const bad: Readonly<Record<string, string>> = {
    "no HTTP": "SSH-2.0-OpenSSH_9\r\n\r\n",
    "another version": "HTTP/2.0 200 OK\r\n\r\n",
    "no status": "HTTP/1.1 OK\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "a length and chunks": `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    "two lengths": `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n`,
    "a length with a sign": `${head}content-length: +2\r\n\r\nok`,
    "a list of lengths": `${head}content-length: 2, 2\r\n\r\nok`,
    "another transfer-encoding": `${head}transfer-encoding: gzip, chunked\r\n\r\n`,
    "chunks in HTTP/1.0": "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": `${head}x-one: a\r\n b\r\n\r\n`,
    "a header without a colon": `${head}nothing\r\n\r\n`,
    "a blank before the colon": `${head}content-length : 2\r\n\r\nok`,
    "a lone line feed": `${head}x-one: a\nx-two: b\r\n\r\n`,
    "a lone carriage return": `${head}x-one: a\rb\r\n\r\n`,
    "a NUL": `${head}x-one: a\0b\r\n\r\n`,
    "a control character in a value": `${head}content-type: a\x01b\r\n\r\n`,
    "a change of protocol": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "a chunk size that is none": `${chunked}xyz\r\n`,
    "no chunk size": `${chunked}\r\n`,
    "a chunk size beyond all numbers": `${chunked}ffffffffffffffff\r\n`,
    "a chunk that is longer than it says": `${chunked}2\r\nokay\r\n`,
    "a chunk line that ends in a line feed": `${chunked}2\nok\r\n`,
    "a line feed in an extension": `${chunked}2;a\nb\r\nok\r\n`,
  };
  test.each(Object.entries(bad))("%s", (_name, bytes) => {
    expect(read(bytes).problem).not.toBeNull();
    expect(
      read(
        bytes,
        Array.from(bytes, (_byte, place) => place),
      ).problem,
    ).not.toBeNull();
  });

  test("beyond all measure: a head, an extension, trailers, interim answers", () => {
    expect(read(`${head}x-much: ${"x".repeat(70_000)}\r\n\r\n`).problem).not.toBeNull();
    expect(read(`${head}x-much: ${"x".repeat(70_000)}`).problem).not.toBeNull();
    expect(read(`${chunked}2;${"x".repeat(5_000)}\r\nok`).problem).not.toBeNull();
    expect(read(`${chunked}0\r\n${"x: y\r\n".repeat(6_000)}\r\n`).problem).not.toBeNull();
    expect(read("HTTP/1.1 100 Continue\r\n\r\n".repeat(9)).problem).not.toBeNull();
  });

  test("arbitrary bytes are refused or waited on, never thrown at", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("", head, chunked), fc.array(fc.nat(), { maxLength: 4 }), (noise, start, cuts) => {
        read(start + Buffer.from(noise).toString("latin1"), cuts, true);
      }),
      { numRuns: 2000 },
    );
  });
});
