/** Parts of a header's value that are long enough to be a secret, so that no ordinary word is taken for one. */
const secretLengthMin = 8;
const replacement = "[redacted]";
/** What looks like somebody's key, though it be not ours: providers quote the key that they refuse, in part. */
const keyLike = /\b(?:sk|pk|rk)-[A-Za-z0-9_*.-]{6,}|\bAIza[A-Za-z0-9_-]{10,}|\bya29\.[A-Za-z0-9_.-]{10,}|\bBearer +[A-Za-z0-9_.~+/=-]{8,}/gi;

/** An answer without what was sent to authorise the request, should the provider echo it. @param headers name, value, name, value */
export function withoutSecrets(body: Buffer, headers: readonly string[]): Buffer {
  const secrets = headers
    .flatMap((header, place) => (place % 2 === 1 ? (header.split(" ").at(-1) ?? "") : []))
    .filter(({ length }) => length >= secretLengthMin);
  const found = secrets.filter((secret) => body.includes(secret));
  if (found.length === 0) return body;
  let text = body.toString("utf8");
  for (const secret of found) text = text.replaceAll(secret, replacement);
  return Buffer.from(text);
}

/** A provider's message as callers may read it. */
export function quotable(message: string): string {
  return message.replaceAll(keyLike, replacement);
}
