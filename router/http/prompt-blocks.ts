import type { BodyScan } from "../providers/body-scan.ts";

/**
 * The prompt as prefix affinity knows it: the bytes of what comes before the answer (tools, system, messages), in pieces of 256, each piece's id a hash of the piece and of the
 * id before it. Two prompts that begin alike therefore have the same ids as far as they do, and from an id nothing can be read of the text. 256 bytes are about 64 tokens; the
 * last piece has no id, since the next turn of a conversation goes on within it. Beyond a megabyte prompts are told apart no further.
 */
const pieceBytes = 256;
const blocksMax = 4096;
const firstId = 0x2545f491;

/** Null: there is not one whole piece. */
export function promptBlocks({ body, prompt }: BodyScan): Int32Array | null {
  const bytes = prompt.reduce((sum, { start, end }) => sum + end - start, 0);
  const count = Math.min(blocksMax, Math.floor(bytes / pieceBytes));
  if (count === 0) return null;
  const blocks = new Int32Array(count);
  let id = firstId;
  let block = 0;
  let left = pieceBytes;
  for (const { start, end } of prompt) {
    for (let at = start; at < end; at += 1) {
      // FNV-1a, with the avalanche of murmur at the end of a piece.
      id = Math.imul(id ^ (body[at] ?? 0), 0x01000193);
      left -= 1;
      if (left > 0) continue;
      id = avalanche(id);
      blocks[block] = id;
      block += 1;
      if (block === count) return blocks;
      left = pieceBytes;
    }
  }
  return blocks;
}

function avalanche(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}
