/**
 * Gemini wants the signature of a thought again with the tool call that it led to, and no other dialect has a place for it. It travels in the call's id, which every
 * client sends back as it got it: `<id>-sig-<signature in base64url>`, characters that all dialects allow in ids. Other providers never see that part.
 */
const mark = "-sig-";

export function joinCallId(id: string, signature: string | null): string {
  return signature === null ? id : `${id}${mark}${Buffer.from(signature, "utf8").toString("base64url")}`;
}

export function splitCallId(joined: string): { readonly id: string; readonly signature: string | null } {
  const at = joined.indexOf(mark);
  if (at === -1) return { id: joined, signature: null };
  return { id: joined.slice(0, at), signature: Buffer.from(joined.slice(at + mark.length), "base64url").toString("utf8") };
}
