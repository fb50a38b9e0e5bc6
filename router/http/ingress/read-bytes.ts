import type { Socket } from "node:net";

/** All sockets are read into it, and the bytes copied out at once. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Where Node keeps what `net.connect` takes as its option `onread`. */
interface InsideSocket {
  readonly _handle?: { useUserBuffer?(buffer: Buffer): void } | null;
  [place: symbol]: unknown;
}

/** Ends the reading: what comes from then on is the stream's, for whoever listens to it. */
export type StopReading = () => void;

/**
 * Hands over the bytes that come to an accepted socket, each piece in a Buffer of its own size. By itself Node allocates 64 KB for every read, gives most of it back, and
 * collects garbage as if it had not. For sockets that it opens it has `onread` against that, for those that it accepts it has no such option, so it is put where `onread`
 * would be. In a Node whose inside is another, the bytes come by `data` events, which is only dearer.
 */
export function readBytes(socket: Socket, onBytes: (bytes: Buffer) => void): StopReading {
  return readByBuffer(socket, onBytes) ?? readByEvents(socket, onBytes);
}

export function readByBuffer(socket: Socket, onBytes: (bytes: Buffer) => void): StopReading | null {
  const inside = socket as unknown as InsideSocket;
  const places = Object.getOwnPropertySymbols(inside);
  const [buffer, callback, generator] = ["kBuffer", "kBufferCb", "kBufferGen"].map((name) => places.find(({ description }) => description === name));
  const handle = inside._handle;
  if (buffer === undefined || callback === undefined || generator === undefined || handle?.useUserBuffer === undefined) return null;
  if (inside[buffer] !== null || inside[callback] !== null || inside[generator] !== null || socket.readableLength > 0) return null;
  inside[buffer] = readBuffer;
  inside[callback] = (bytes: number): boolean => {
    onBytes(copied(bytes));
    return true;
  };
  handle.useUserBuffer(readBuffer);
  return () => {
    inside[callback] = (bytes: number): boolean => socket.push(copied(bytes));
  };
}

function copied(bytes: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes);
  readBuffer.copy(copy, 0, 0, bytes);
  return copy;
}

function readByEvents(socket: Socket, onBytes: (bytes: Buffer) => void): StopReading {
  socket.on("data", onBytes);
  return () => socket.removeListener("data", onBytes);
}
