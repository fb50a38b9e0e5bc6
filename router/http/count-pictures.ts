/** A part of a message that is a picture, in any dialect that callers speak; within a text its quotes would be escaped. */
const picturePart = /"type"\s*:\s*"(?:image_url|input_image|image)"/g;

/** How many pictures a request shows. */
export function countPictures(body: Buffer): number {
  return body.toString("latin1").match(picturePart)?.length ?? 0;
}
