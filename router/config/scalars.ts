import { z } from "zod";
import { micros } from "../core/time.ts";
import type { Duration } from "../core/machine.ts";
import { suggestion } from "./nearest.ts";

/** Why a value is refused, and what to write instead. */
export interface Fault {
  readonly message: string;
  readonly fix: string;
}
export type Parsed<Value> = { readonly value: Value } | Fault;

/** A field that is read by one function of ours, so that its faults come in our words; `json` is what editors are told about it. */
export function scalar<Value>(json: Readonly<Record<string, unknown>>, parse: (value: unknown) => Parsed<Value>) {
  return z
    .unknown()
    .meta(json)
    .transform((value, context): Value => {
      const parsed = parse(value);
      if ("value" in parsed) return parsed.value;
      context.addIssue({ code: "custom", message: parsed.message, params: { fix: parsed.fix } });
      return z.NEVER;
    });
}

/** A value as a message names it. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : String(value as number | boolean | bigint);
}

const perUnit: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 };
const durationMax = 7 * 24 * 3_600_000_000;

/** `250ms`, `1.5s`, `2m`, `1h`: the unit is required. */
export function parseDuration(value: unknown, least: Duration): Parsed<Duration> {
  const fix = "write a number and its unit: 250ms, 1.5s, 2m or 1h";
  if (typeof value === "number") return { message: `the duration ${value} has no unit`, fix: `write ${value}s or ${value}ms` };
  if (typeof value !== "string") return { message: `must be a duration, not ${shown(value)}`, fix };
  const match = /^(\d{1,15})(?:\.(\d{1,6}))?(us|ms|s|m|h)$/.exec(value.trim());
  if (match === null) return { message: `${shown(value)} is not a duration`, fix };
  const [, whole = "0", fraction = "", unit = "us"] = match;
  const scaled = Number(whole + fraction) * (perUnit[unit] ?? 1);
  const duration = Math.round(scaled / 10 ** fraction.length);
  if (duration > durationMax) return { message: `${value} is longer than seven days`, fix: "give a shorter time" };
  if (duration < least) return { message: `${value} is too short`, fix: `give at least ${least >= 1000 ? `${least / 1000}ms` : `${least}us`}` };
  return { value: micros(duration) };
}

export const duration = (what: string, least: Duration = micros(1000)) =>
  scalar({ type: "string", pattern: String.raw`^\d+(\.\d+)?(us|ms|s|m|h)$`, description: what, examples: ["250ms", "60s", "2m"] }, (value) =>
    parseDuration(value, least),
  );

/** A number within bounds; whole where `whole`. */
export function number(what: string, bounds: { readonly min: number; readonly max: number; readonly whole: boolean }) {
  const kind = bounds.whole ? "a whole number" : "a number";
  const fix = `give ${kind} from ${bounds.min} to ${bounds.max}`;
  return scalar({ type: bounds.whole ? "integer" : "number", minimum: bounds.min, maximum: bounds.max, description: what }, (value): Parsed<number> => {
    if (typeof value !== "number" || Number.isNaN(value)) return { message: `must be ${kind}, not ${shown(value)}`, fix };
    if (bounds.whole && !Number.isInteger(value)) return { message: `must be a whole number, not ${value}`, fix };
    if (value < bounds.min) return { message: value < 0 && bounds.min === 0 ? `${value} is negative` : `${value} is less than ${bounds.min}`, fix };
    return value > bounds.max ? { message: `${value} is more than ${bounds.max}`, fix } : { value };
  });
}
export const count = (what: string, min: number, max: number) => number(what, { min, max, whole: true });

export function text(what: string, least = 1) {
  return scalar({ type: "string", minLength: least, description: what }, (value): Parsed<string> => {
    if (typeof value === "number") return { message: `must be text, not the number ${value}`, fix: `put it in quotes: "${value}"` };
    if (typeof value !== "string") return { message: `must be text, not ${shown(value)}`, fix: "give a text" };
    return value.trim().length < least ? { message: "is empty", fix: "give a text" } : { value };
  });
}

/** A text of a certain form. @param what of it is said to editors @param noun `"x" is no NOUN` @param fix says what the form is */
export function formed(what: string, pattern: RegExp, noun: string, fix: string) {
  return scalar({ type: "string", pattern: pattern.source, description: what }, (value): Parsed<string> => {
    if (typeof value === "number") return { message: `must be a text, not ${value}`, fix: `put it in quotes: "${value}"` };
    if (typeof value !== "string") return { message: `must be a text, not ${shown(value)}`, fix };
    return pattern.test(value) ? { value } : { message: `${shown(value)} is no ${noun}`, fix };
  });
}

export function flag(what: string) {
  return scalar({ type: "boolean", description: what }, (value): Parsed<boolean> =>
    typeof value === "boolean" ? { value } : { message: `must be true or false, not ${shown(value)}`, fix: "write true or false" },
  );
}

export function choice<const Name extends string>(what: string, names: readonly Name[]) {
  return scalar({ type: "string", enum: [...names], description: what }, (value): Parsed<Name> => {
    const found = names.find((name) => name === value);
    if (found !== undefined) return { value: found };
    return {
      message: `${shown(value)} is not one of ${names.join(", ")}`,
      fix: typeof value === "string" ? suggestion(value, names) : `write one of ${names.join(", ")}`,
    };
  });
}

const dollarsMax = 10_000;

/** Dollars per million tokens, exactly, as whole pico-dollars per token (1 $ per million = 1,000,000 of them). */
export function parsePrice(value: unknown): Parsed<number> {
  const fix = 'write dollars per million tokens with at most 6 decimals, as 0.15 or "0.15"';
  if (typeof value !== "number" && typeof value !== "string") return { message: `must be a price, not ${shown(value)}`, fix };
  const written = String(value).trim();
  if (written.startsWith("-")) return { message: `the price ${written} is negative`, fix };
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(written);
  if (match === null) {
    const small = /^\d(?:\.\d+)?e-\d+$/.test(written);
    return small ? { message: `the price ${written} has more than 6 decimals`, fix } : { message: `${shown(value)} is not a price`, fix };
  }
  const [, whole = "0", fraction = ""] = match;
  if (/[1-9]/.test(fraction.slice(6))) return { message: `the price ${written} has more than 6 decimals`, fix };
  const rate = Number(whole) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
  return rate > dollarsMax * 1_000_000 ? { message: `the price ${written} is above ${dollarsMax} dollars per million tokens`, fix } : { value: rate };
}
export const price = (what: string) =>
  scalar({ type: ["number", "string"], description: `${what}, dollars per million tokens, at most 6 decimals`, examples: [0.15] }, parsePrice);
