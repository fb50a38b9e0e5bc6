import { InputError } from "../config/problem.ts";

/** An option's value as a whole number of at least 0. */
export function readWhole(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  const message = `must be a whole number of at least 0, not "${text}"`;
  throw new InputError([{ file: "command line", line: null, column: null, field: option, message, fix: `write for example ${option} 7` }]);
}
