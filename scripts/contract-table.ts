import { type AskForm, requestContract } from "../router/providers/request-contract.ts";

/** docs/request-contract.md, made from the table that the router reads by. */
export function contractTable(): string {
  const code = (text: string | null): string => (text === null ? "" : `\`${text}\``);
  const rows = requestContract.map(
    ({ body, metadata, header, form, default: otherwise, effect }) =>
      `| ${code(body)} | ${code(metadata === null ? null : `metadata.${metadata}`)} | ${code(header)} | ${formOf(form)} | ${otherwise} | ${effect} |`,
  );
  return [
    "# What a caller may say to the router",
    "",
    "Written by `node scripts/generate.ts` from `router/providers/request-contract.ts`, the table that the router itself reads by.",
    "",
    "Each can stand in the body, in `metadata`, or in a header; the first that is given counts, in this order. None of it reaches a provider: body fields and metadata",
    "keys of this table are taken out of the bytes, `x-headgate-*` headers stay here. What is not of its form is refused with 400 and the code `invalid_request_contract`.",
    "Fields said to be **recorded only** change nothing; they stand in the decision line under `asked`.",
    "",
    "| body | metadata | header | form | default | effect |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    "On unlisted paths the header `x-headgate-model` (or the query's `model`) names the route.",
    "",
  ].join("\n");
}

const wordsOf = (words: Readonly<Record<string, number | null>>): string =>
  Object.entries(words)
    .map(([word, number]) => `${word} (${number ?? "the default"})`)
    .join(", ");

function formOf(form: AskForm): string {
  switch (form.kind) {
    case "text":
      return "text";
    case "number":
      return `number from ${form.min} to ${form.max}${form.words === undefined ? "" : `, or ${wordsOf(form.words)}`}`;
    case "choice":
      return form.of.join(" or ");
    case "list":
      return "list of texts, or one text with commas";
  }
}
