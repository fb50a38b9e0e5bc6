import { isWord } from "./json-skip.ts";
import { contractBodyFields } from "./request-contract.ts";

/** A member of a request's body that the router reads. */
export interface BodyKey {
  readonly name: string;
  /** Its place among them. */
  readonly id: number;
  /** One of the contract's own, which no provider is to see. */
  readonly isOurs: boolean;
  readonly bytes: Uint8Array;
}

const read = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "metadata",
  "previous_response_id",
  "service_tier",
  "n",
  "best_of",
] as const;
/** What the model reads before it answers, in that order. */
const prompt = ["tools", "system", "instructions", "messages", "prompt", "input"] as const;

const keyOf = (name: string, id: number, isOurs: boolean): BodyKey => ({ name, id, isOurs, bytes: Buffer.from(name) });
const theirs = [...read, ...prompt].map((name, id) => keyOf(name, id, false));
export const ourKeys: readonly BodyKey[] = contractBodyFields.map((name, place) => keyOf(name, theirs.length + place, true));
export const bodyKeys: readonly BodyKey[] = [...theirs, ...ourKeys];
export const promptKeys: readonly BodyKey[] = theirs.slice(read.length);

export const keyId = (name: (typeof read)[number]): number => read.indexOf(name);

/** By length: few are as long as another. */
const byLength: readonly (readonly BodyKey[])[] = Array.from({ length: 1 + Math.max(...bodyKeys.map(({ bytes }) => bytes.length)) }, (_, length) =>
  bodyKeys.filter(({ bytes }) => bytes.length === length),
);

/** The key that stands there as it is written, without its quotes; null: none that is read. */
export function keyAt(body: Buffer, start: number, end: number): BodyKey | null {
  const candidates = byLength[end - start];
  if (candidates === undefined) return null;
  for (const key of candidates) if (isWord(body, start, end, key.bytes)) return key;
  return null;
}
