import { refuse } from "./trace-format.ts";

/** Far above any model, far below what a column of the table holds. */
const tokensMax = 100_000_000;
const unitSuffix = /^-?[\d.]+\s?([a-zA-Zµ%]{1,6})$/;

/** A number of tokens out of a cell of text. @throws LineError */
export function tokensOfText(text: string, column: number, field: string, least: number): number {
  const value = /^\d{1,15}(?:\.0+)?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) refuse(column, field, `"${text.slice(0, 40)}" is not a number of tokens${unitNote(text)}`, tokensFix(least));
  return checkedTokens(value, column, field, least);
}

/** @throws LineError */
export function checkedTokens(value: number, column: number, field: string, least: number): number {
  if (!Number.isInteger(value)) refuse(column, field, `${value} is not a whole number of tokens`, tokensFix(least));
  if (value < least || value > tokensMax) refuse(column, field, `${value} tokens are ${value < least ? "too few" : "too many"}`, tokensFix(least));
  return value;
}

const tokensFix = (least: number): string => `give a whole number of tokens from ${least} to ${tokensMax}`;

/** A finite number of at least 0 out of a cell of text. @throws LineError */
export function numberOfText(text: string, column: number, field: string): number {
  const value = /^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) refuse(column, field, `"${text.slice(0, 40)}" is not a number${unitNote(text)}`, "give a number");
  if (value < 0) refuse(column, field, `${text.slice(0, 40)} is negative`, "give a number of at least 0");
  return value;
}

/** Units in some cells are how mixed units begin. */
function unitNote(text: string): string {
  const unit = unitSuffix.exec(text)?.[1];
  return unit === undefined ? "" : ` (it carries the unit ${unit}: write the number alone, in one unit for all rows)`;
}
