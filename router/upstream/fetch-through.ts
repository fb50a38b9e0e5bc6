import { millis } from "../core/time.ts";
import { noBody, wholeBody } from "../providers/sent-body.ts";
import { sendableHead } from "./http1/sendable-head.ts";
import type { UpstreamTransport } from "./upstream-transport.ts";

/** What `fetch` is to those who ask once in a while; only method, headers and body of its options count. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

const connectMs = 5_000;
const answerBytesMax = 4 * 1024 * 1024;
/** The client writes them itself. */
const ownHeaders: ReadonlySet<string> = new Set(["host", "content-length", "connection", "transfer-encoding"]);

/**
 * `fetch` by the client that speaks to providers, for what is asked beside requests (access tokens, lists of models): by the same proxy and authorities, without redirects. An answer is whole when it is told.
 */
export function fetchThrough(transport: UpstreamTransport, limitMs: number): Fetch {
  return async (input, init = {}) => {
    const { method = "GET", headers, body } = init;
    const request = new Request(input, { method, ...(headers === undefined ? {} : { headers }), ...(body === undefined || body === null ? {} : { body }) });
    const url = new URL(request.url);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const sent = [...request.headers].filter(([name]) => !ownHeaders.has(name)).flat();
    const head = sendableHead({ method: request.method, host: url.host, path: `${url.pathname}${url.search}`, headers: sent });
    return answerOf(transport, { origin: url.origin, head, body: bytes.length === 0 ? noBody : wholeBody(bytes), connect: millis(connectMs) }, limitMs);
  };
}

async function answerOf(transport: UpstreamTransport, request: Parameters<UpstreamTransport["send"]>[0], limitMs: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let type: string | null = null;
    const fail = (message: string): void => {
      clearTimeout(timer);
      reject(new Error(message));
    };
    const giveUp = (message: string): void => {
      call.abort();
      fail(message);
    };
    const call = transport.send(request, {
      onHead: (head) => ({ status, contentType: type } = head),
      onData: (chunk) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) giveUp(`the answer is larger than ${answerBytesMax} bytes`);
        else chunks.push(Buffer.from(chunk));
      },
      onReadOver: () => undefined,
      onEnd: () => {
        clearTimeout(timer);
        const headers = type === null ? {} : { "content-type": type };
        resolve(new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), { status, headers }));
      },
      onBroken: ({ message }) => fail(message),
    });
    const timer = setTimeout(() => giveUp(`no answer within ${limitMs / 1000} s`), limitMs);
  });
}
