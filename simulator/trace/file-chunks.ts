import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";

/** What traces are kept in that is no text. */
export class NotText extends Error {
  readonly fix: string;
  constructor(what: string, fix: string) {
    super(`the file is ${what}, not text`);
    this.fix = fix;
  }
}

const asCsv = "write it as CSV or JSON lines, for example: duckdb -c \"COPY (FROM 'in.parquet') TO 'out.csv'\"";
const signatures: readonly (readonly [bytes: readonly number[], what: string, fix: string])[] = [
  [[0x50, 0x41, 0x52, 0x31], "Parquet", asCsv],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive or a spreadsheet", "unpack it, or save it as CSV; files of gzip are read as they are"],
  [[0x28, 0xb5, 0x2f, 0xfd], "packed with zstd", "unpack it: zstd -d; files of gzip are read as they are"],
  [[0x42, 0x5a, 0x68], "packed with bzip2", "unpack it: bunzip2; files of gzip are read as they are"],
  [[0xfd, 0x37, 0x7a, 0x58], "packed with xz", "unpack it: unxz; files of gzip are read as they are"],
  [[0xff, 0xfe], "UTF-16", "write it as UTF-8: iconv -f utf-16 -t utf-8"],
  [[0xfe, 0xff], "UTF-16", "write it as UTF-8: iconv -f utf-16 -t utf-8"],
];

/** The content of a file in pieces, unzipped where its first bytes say gzip, whatever its name. @throws NotText */
export async function openChunks(file: string): Promise<AsyncIterable<Buffer>> {
  const first = await firstBytes(file);
  const zipped = startsWith(first, [0x1f, 0x8b]);
  const other = signatures.find(([bytes]) => startsWith(first, bytes));
  if (other !== undefined) throw new NotText(other[1], other[2]);
  // Text of a larger chunk would be a large object to the collector, and stay for long.
  const raw = createReadStream(file, { highWaterMark: 1 << 16 });
  if (!zipped) return raw;
  const unzip = createGunzip();
  raw.on("error", (error) => unzip.destroy(error));
  return raw.pipe(unzip);
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error(`${file} is no file`), { code: "EISDIR" });
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

const startsWith = (first: Buffer, bytes: readonly number[]): boolean => bytes.every((byte, place) => first[place] === byte);

/** Of the file as it lies on the disk. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
