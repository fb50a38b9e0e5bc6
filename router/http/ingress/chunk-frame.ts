const lastChunk = "0\r\n\r\n";

/** A chunk of HTTP/1.1's chunked coding, made of pieces; with `last`, the coding's end behind it. @param before what leaves in front of it, in latin1 */
export function chunkFrame(pieces: readonly Uint8Array[], bytes: number, last: boolean, before = ""): Buffer {
  const end = last ? lastChunk : "";
  if (bytes === 0) return Buffer.from(before + end, "latin1");
  const head = `${before}${bytes.toString(16)}\r\n`;
  const tail = `\r\n${end}`;
  const frame = Buffer.allocUnsafe(head.length + bytes + tail.length);
  const at = setPieces(frame, pieces, frame.write(head, "latin1"));
  frame.write(tail, at, "latin1");
  return frame;
}

/** The pieces as one. */
export function joinedPieces(pieces: readonly Uint8Array[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafe(bytes);
  setPieces(whole, pieces, 0);
  return whole;
}

function setPieces(target: Buffer, pieces: readonly Uint8Array[], from: number): number {
  let at = from;
  for (const piece of pieces) {
    target.set(piece, at);
    at += piece.length;
  }
  return at;
}
