import type { IncomingMessage } from "node:http";

/** What is discarded of a body that is too large, so that the caller reads the refusal and not a reset. */
const discardedBytesMax = 200 * 1024 * 1024;

const lingerMs = 1000;

/** Calls `whole` once with the body, or `refuse` once. Neither when the caller goes away before the end. */
export function readBody(request: IncomingMessage, bytesMax: number, whole: (body: Buffer) => void, refuse: () => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > discardedBytesMax) {
    // Nobody waits for that much to be thrown away.
    refuse();
    request.on("error", () => undefined);
    request.resume();
    setTimeout(() => request.destroy(), lingerMs).unref();
    return;
  }
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    else if (bytes > discardedBytesMax) request.destroy();
    else chunks.length = 0;
  });
  request.on("end", () => {
    const first = chunks[0];
    if (bytes > bytesMax) refuse();
    else whole(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
  request.on("error", () => undefined);
}
