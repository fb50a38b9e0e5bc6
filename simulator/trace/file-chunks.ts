import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";

/** The content of a file in pieces, unzipped where its first bytes say gzip, whatever its name. */
export async function openChunks(file: string): Promise<AsyncIterable<Buffer>> {
  const zipped = await isGzip(file);
  // Text of a larger chunk would be a large object to the collector, and stay for long.
  const raw = createReadStream(file, { highWaterMark: 1 << 16 });
  if (!zipped) return raw;
  const unzip = createGunzip();
  raw.on("error", (error) => unzip.destroy(error));
  return raw.pipe(unzip);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error(`${file} is no file`), { code: "EISDIR" });
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

/** Of the file as it lies on the disk. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
