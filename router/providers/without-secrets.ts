/** Parts of a header's value that are long enough to be a secret, so that no ordinary word is taken for one. */
const secretLengthMin = 8;
const replacement = "[redacted]";
/** What looks like somebody's key, though it be not ours: providers quote the key that they refuse, in part. */
const keyLike = /\b(?:sk|pk|rk)-[A-Za-z0-9_*.-]{6,}|\bAIza[A-Za-z0-9_-]{10,}|\bya29\.[A-Za-z0-9_.-]{10,}|\bBearer +[A-Za-z0-9_.~+/=-]{8,}/gi;

/** An answer without what was sent to authorise the request, should the provider echo it. @param headers name, value, name, value */
export function withoutSecrets(body: Buffer, headers: readonly string[]): Buffer {
  if (!secretsOf(headers).some((secret) => body.includes(secret))) return body;
  return Buffer.from(textWithoutSecrets(body.toString("utf8"), headers));
}

export function textWithoutSecrets(text: string, headers: readonly string[]): string {
  return secretsOf(headers).reduce((kept, secret) => kept.replaceAll(secret, replacement), text);
}

function secretsOf(headers: readonly string[]): readonly string[] {
  const values = headers.filter((_, place) => place % 2 === 1);
  return values.map((value) => value.split(" ").at(-1) ?? "").filter(({ length }) => length >= secretLengthMin);
}

/** A provider's message as callers may read it. */
export function quotable(message: string): string {
  return message.replaceAll(keyLike, replacement);
}
