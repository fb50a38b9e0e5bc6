import { InvalidArgumentError } from "commander";

/** Reads an option's value. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`give a whole number from ${min} to ${max}.`);
    return value;
  };
}

export const seedNumber = wholeNumber(0, 4_294_967_295);
