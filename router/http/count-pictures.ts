import { picturesMax } from "../core/accounting/request-bounds.ts";

/** A part of a message that is a picture, in any dialect that callers speak; within a text its quotes would be escaped. */
const picturePart = /"type"\s*:\s*"(?:image_url|input_image|image)"/g;

/** How many pictures a request shows, as far as they are counted. */
export function countPictures(body: Buffer): number {
  return Math.min(body.toString("latin1").match(picturePart)?.length ?? 0, picturesMax);
}
