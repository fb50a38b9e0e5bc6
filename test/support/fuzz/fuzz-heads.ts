import type { Dice } from "./dice.ts";

/** A request that a careful client would send, with so many odd things in it as the dice will have: most heads have none or one. */
export interface FuzzedHead {
  /** Latin-1, up to and with the blank line. */
  readonly head: string;
  /** As long as the first content-length says, where it says a number. */
  readonly body: string;
}

const methods = ["GET", "POST", "POST", "POST", "DELETE"];
const oddMethods = ["PUT", "HEAD", "OPTIONS", "get", "POST\t", "", "PRI", "CONNECT", "GE T", "\r\nGET"];
const targets = ["/v1/chat/completions", "/v1/models/a%2Fb?x=1&y=%20", "/", "/v1/files/file-1/content", "/a;b=c@d:e!f$g'h(i)j*k,l+m"];
const oddTargets = ["", "*", "http://h/v1/models", "h:80", "/a b", "/a#b", "/\u00e9", "/a\tb", "//", "/a\x00b", '/"<>', "/\x7f", `/${"x".repeat(17_000)}`];
const oddVersions = ["HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "HTTP/1.10", "HTTP/0.9", "HTTP/1.", "", "RTSP/1.1"];
const names = ["content-type", "authorization", "X-Api-Key", "accept", "User-Agent", "traceparent", "x-headgate-tags", "Keep-Alive", "te", "!#$%&'*+-.^_`|~9"];
const specialNames = [
  "host",
  "Host",
  "content-length",
  "Content-Length",
  "transfer-encoding",
  "Transfer-Encoding",
  "connection",
  "proxy-connection",
  "upgrade",
  "expect",
  "trailer",
  "http2-settings",
  "content_length",
  "cookie",
  "set-cookie",
  "__proto__",
];
const oddNames = ["", " x", "x ", "x\t", "x(y", "\u00e9", "x\x00", "content-length\x0b", "x y", "\x7f"];
const values = ["application/json", "Bearer sk-test", "a, b;q=0.5", "", "1", "x: y", '"quoted \\" text"', "trailers"];
const specialValues = [
  "0",
  "5",
  "05",
  "+5",
  "5, 5",
  "5 5",
  "0x5",
  "-1",
  "99999999999",
  "chunked",
  "identity",
  "chunked, identity",
  "close",
  "Close",
  "keep-alive",
];
const moreValues = ["keep-alive, close", "close, TE", "upgrade", "Upgrade, HTTP2-Settings", "websocket", "h2c", "100-continue", "timeout=5"];
const oddValues = [" ", "  a", "a ", "a\t", "\ta", "a\tb", "\u00e9", "a\x00b", "a\rb", "a\nb", "\x7f", "\x0b", "a\r\n b", `${"x".repeat(9000)}`, "a\r\r"];

export function fuzzedHead(dice: Dice): FuzzedHead {
  const odd = dice.chance(0.5) ? 0 : 0.12;
  const lineEnd = (): string => (dice.chance(odd / 4) ? dice.pick(["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\r"]) : "\r\n");
  const method = dice.chance(odd) ? dice.pick(oddMethods) : dice.pick(methods);
  const target = dice.chance(odd) ? dice.pick(oddTargets) : dice.pick(targets);
  const version = dice.chance(odd) ? dice.pick(oddVersions) : "HTTP/1.1";
  const blank = (): string => (dice.chance(odd / 4) ? dice.pick(["  ", "\t", "\x0b", ""]) : " ");
  const lines = [`${method}${blank()}${target}${blank()}${version}`];
  if (!dice.chance(odd)) lines.push(headerLine(dice, odd / 3, "host", "headgate"));
  const length = dice.below(30);
  if (method === "POST" && !dice.chance(odd)) lines.push(headerLine(dice, odd / 3, "content-length", String(length)));
  for (let count = dice.below(6); count > 0; count -= 1) {
    const name = dice.chance(odd * 2) ? dice.pick(dice.chance(0.7) ? specialNames : oddNames) : dice.pick(names);
    const value = dice.chance(odd * 2) ? dice.pick([specialValues, moreValues, oddValues][dice.below(3)] ?? values) : dice.pick(values);
    lines.splice(1 + dice.below(lines.length), 0, headerLine(dice, odd / 3, name, value));
  }
  let head = `${lines.map((line) => `${line}${lineEnd()}`).join("")}\r\n`;
  if (dice.chance(odd)) head = dice.mangled(head);
  return { head, body: "x".repeat(length) };
}

function headerLine(dice: Dice, odd: number, name: string, value: string): string {
  const colon = dice.chance(odd) ? dice.pick([" : ", ":\t", ":  ", "", "\t: ", ":\x0b"]) : dice.pick([": ", ": ", ": ", ":"]);
  return `${name}${colon}${value}`;
}
