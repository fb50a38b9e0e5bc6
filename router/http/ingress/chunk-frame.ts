const lastChunk = "0\r\n\r\n";

/** A chunk of HTTP/1.1's chunked coding, made of pieces; with `last`, the coding's end behind it. @param before what leaves in front of it, in latin1 */
export function chunkFrame(pieces: readonly Uint8Array[], bytes: number, last: boolean, before = ""): Buffer {
  const end = last ? lastChunk : "";
  if (bytes === 0) return Buffer.from(before + end, "latin1");
  const size = bytes.toString(16);
  const frame = Buffer.allocUnsafe(before.length + size.length + bytes + 4 + end.length);
  let at = before === "" ? 0 : frame.write(before, "latin1");
  at = setLine(frame, size, at);
  at = setLine(frame, "", setPieces(frame, pieces, at));
  if (last) frame.write(end, at, "latin1");
  return frame;
}

/** A few characters of ASCII, and CR LF: quicker in a loop than in a call. */
function setLine(frame: Buffer, text: string, from: number): number {
  const end = from + text.length;
  for (let place = 0; place < text.length; place += 1) frame[from + place] = text.charCodeAt(place);
  frame[end] = 0x0d;
  frame[end + 1] = 0x0a;
  return end + 2;
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
