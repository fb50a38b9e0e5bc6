import { isDeepStrictEqual } from "node:util";
import type { RequestHead } from "../../../router/http/ingress/request-head.ts";
import { Dice } from "./dice.ts";
import { fuzzedHead } from "./fuzz-heads.ts";
import { NodeReading, type ReadRequest } from "./node-reading.ts";

export interface HeadsReport {
  readonly played: number;
  /** By the reader on trial. */
  readonly taken: number;
  readonly problems: readonly string[];
}

export type HeadReader = (bytes: Buffer, bodyBytesMax: number) => RequestHead | "unfinished" | null;

const bodyBytesMax = 1000;
const next = "GET /next HTTP/1.1\r\nhost: next\r\n\r\n";
const problemsMax = 10;

/** Whatever the reader takes, Node reads as the same request, and the one behind it where the reader says it begins. */
export async function compareHeads(read: HeadReader, count: number, seed: number): Promise<HeadsReport> {
  const dice = new Dice(seed, "fuzzed-heads");
  const node = new NodeReading();
  const problems: string[] = [];
  let taken = 0;
  for (let played = 0; played < count && problems.length < problemsMax; played += 1) {
    const { head: text, body } = fuzzedHead(dice);
    const head = read(Buffer.from(text + body, "latin1"), bodyBytesMax);
    if (head === null || head === "unfinished") continue;
    taken += 1;
    const content = (text.slice(head.bytes) + body).padEnd(head.contentLength, "y").slice(0, head.contentLength);
    const bytes = text.slice(0, head.bytes) + content + next;
    const said = difference(head, content, await node.of(Buffer.from(bytes, "latin1")));
    if (said !== null) problems.push(`${said}: ${JSON.stringify(bytes.slice(0, 400))}`);
  }
  return { played: count, taken, problems };
}

function difference(head: RequestHead, body: string, [first, second, ...more]: readonly ReadRequest[]): string | null {
  if (first === undefined) return "Node refuses what is taken";
  if (first.method !== head.method || first.target !== head.target) return `Node reads ${first.method} ${first.target}`;
  if (first.body !== body) return `Node reads the body ${JSON.stringify(first.body)}`;
  if (first.keepAlive !== head.keepAlive) return "Node thinks otherwise of the connection";
  const pairs = [...head.headers];
  const raw = pairs.map((_, place): readonly (string | undefined)[] => [first.headers[2 * place]?.toLowerCase(), first.headers[2 * place + 1]]);
  if (first.headers.length !== 2 * pairs.length || !isDeepStrictEqual(pairs, raw)) return `Node reads the headers ${JSON.stringify(first.headers)}`;
  if (!head.keepAlive) return second === undefined ? null : "Node reads on behind the last request";
  return second?.target === "/next" && more.length === 0 ? null : "Node reads something else behind it";
}
