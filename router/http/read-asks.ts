import { type AskForm, type AskName, type ContractField, requestContract } from "../providers/request-contract.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

export type Ask = string | number | readonly string[];
/** What a caller has asked the router for, by the names of the request contract; absent: nothing. */
export type Asks = Readonly<Partial<Record<AskName, Ask>>>;
export type AsksRead = { readonly kind: "asked"; readonly asks: Asks } | { readonly kind: "invalid"; readonly field: string; readonly message: string };

export const noAsks: Asks = {};
const nothing: AsksRead = { kind: "asked", asks: noAsks };
const listMax = 32;
const itemLengthMax = 256;

/** @param body the contract's fields of the body, those of `metadata` as `metadata.name` */
export function readAsks(headers: CallerHeaders, body: ReadonlyMap<string, unknown>): AsksRead {
  let asks: Partial<Record<AskName, Ask>> | null = null;
  for (const field of requestContract) {
    const place = placeOf(field, headers, body);
    if (place === null) continue;
    const read = readForm(place.value, field.form);
    if (read === null) return { kind: "invalid", field: place.name, message: `${place.name} ${expectation(field.form)}` };
    asks ??= {};
    asks[field.name] = read;
  }
  return asks === null ? nothing : { kind: "asked", asks };
}

function placeOf(field: ContractField, headers: CallerHeaders, body: ReadonlyMap<string, unknown>): { readonly name: string; readonly value: unknown } | null {
  if (body.size > 0) {
    for (const name of [field.body, field.metadata === null ? null : `metadata.${field.metadata}`]) {
      const value = name === null ? undefined : body.get(name);
      if (name !== null && value !== undefined && value !== null) return { name, value };
    }
  }
  const value = headers.get(field.header);
  if (value === undefined) return null;
  return value.trim() === "" ? null : { name: field.header, value };
}

/** Headers and `metadata` have only text: numbers and lists may come as such. Null: it is not of this form. */
function readForm(value: unknown, form: AskForm): Ask | null {
  switch (form.kind) {
    case "text": {
      const text = typeof value === "string" ? value.trim() : "";
      return text !== "" && text.length <= form.lengthMax ? text : null;
    }
    case "number":
      return readNumber(value, form);
    case "choice":
      return form.of.find((name) => typeof value === "string" && value.trim() === name) ?? null;
    case "list":
      return readList(value);
  }
}

/** A word that stands for the default comes back as it is. */
function readNumber(value: unknown, { min, max, words = {} }: Extract<AskForm, { kind: "number" }>): Ask | null {
  const word = typeof value === "string" ? value.trim() : "";
  if (Object.hasOwn(words, word)) return words[word] ?? word;
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && number >= min && number <= max ? number : null;
}

function readList(value: unknown): readonly string[] | null {
  const items: readonly unknown[] = typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : [null];
  if (!items.every((item) => typeof item === "string" && item.length <= itemLengthMax)) return null;
  const texts = items.map((item) => String(item).trim()).filter((item) => item !== "");
  return texts.length > listMax ? null : texts;
}

function expectation(form: AskForm): string {
  switch (form.kind) {
    case "text":
      return `must be a text of at most ${form.lengthMax} characters`;
    case "number":
      return `must be a number from ${form.min} to ${form.max}${form.words === undefined ? "" : `, or ${Object.keys(form.words).join(", ")}`}`;
    case "choice":
      return `must be one of ${form.of.join(", ")}`;
    case "list":
      return `must be a list of at most ${listMax} texts`;
  }
}
