import { InvalidArgumentError } from "commander";

const secondsPer: Readonly<Record<string, number>> = { us: 1e-6, ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** `90s`, `1.5h`, `250ms`; a bare number is seconds. */
export function durationSeconds(text: string): number {
  const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)(us|ms|s|min|m|h|d)?$/.exec(text.trim()) ?? [];
  const seconds = number === "" ? NaN : Number(number) * (secondsPer[unit] ?? NaN);
  if (!Number.isFinite(seconds)) throw new InvalidArgumentError("give a duration as 90s, 1.5h or 250ms.");
  return seconds;
}
