/**
 * Money, in whole numbers. Rates are pico-dollars per token; what one request cost is rounded once, half to even, to nano-dollars; a total keeps nano-dollars and
 * the pico-dollars below one, so that no sum depends on its order. A total that would leave the whole numbers stays at 2^53 - 1 ($9 million in nano-dollars): what a provider says within a
 * request's bounds, however often, neither ends the service nor makes a total smaller.
 */
import { broken } from "../assert.ts";
import { largeLater } from "../large-later.ts";
import type { Rates } from "./rates.ts";
import type { Usage } from "../messages.ts";

export interface Total {
  attempts: number;
  input: number;
  cachedRead: number;
  cacheWrite: number;
  output: number;
  reasoning: number;
  nanoDollars: number;
  /** Below 1,000. */
  picoDollars: number;
  /** Attempts that used tokens without a known price: they are missing from the sum, and said to be. */
  unpriced: number;
  /** Attempts whose usage is an estimate. */
  estimated: number;
}

const largest = 9_007_199_254_740_991;

export function emptyTotal(): Total {
  const nothing = { attempts: 0, input: 0, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0, nanoDollars: 0, picoDollars: 0, unpriced: 0, estimated: 0 };
  return largeLater<Total>(nothing, ["nanoDollars", "picoDollars"]);
}

const noUsage: Usage = { input: 0, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/** Of a request, all its attempts together. Replaced, never changed. */
export interface Spent {
  readonly picoDollars: number;
  readonly usage: Usage;
  /** Some of it is. */
  readonly estimated: boolean;
  /** All of it is. */
  readonly priced: boolean;
}

export const nothingSpent: Spent = { picoDollars: 0, usage: noUsage, estimated: false, priced: true };

/** @param picoDollars of the attempt that comes to it; null: not known */
export function spentWith(before: Spent, usage: Usage, picoDollars: number | null, estimated: boolean): Spent {
  return {
    picoDollars: before.picoDollars + (picoDollars ?? 0),
    usage: sumOfUsage(before.usage, usage),
    estimated: before.estimated || estimated,
    priced: before.priced && picoDollars !== null,
  };
}

/** What nothing is added to is the one that is added. */
function sumOfUsage(one: Usage, other: Usage): Usage {
  if (one === noUsage) return other;
  return {
    input: one.input + other.input,
    cachedRead: one.cachedRead + other.cachedRead,
    cacheWrite: one.cacheWrite + other.cacheWrite,
    output: one.output + other.output,
    reasoning: one.reasoning + other.reasoning,
  };
}

/** Pico-dollars. Reasoning tokens are counted within output, cached ones and those of pictures within input: none is paid for twice. @param pictures in the prompt */
export function costOf(usage: Usage, card: Rates, pictures = 0): number {
  const { longPrompt } = card;
  const rates = longPrompt !== undefined && usage.input > longPrompt.aboveTokens ? longPrompt.rates : card;
  const fresh = Math.max(0, usage.input - usage.cachedRead - usage.cacheWrite);
  const reasoning = Math.min(usage.reasoning, usage.output);
  const drawn = rates.pictureTokens === undefined ? 0 : Math.min(fresh, usage.pictureTokens ?? 0);
  const prompt =
    (fresh - drawn) * rates.input +
    drawn * (rates.pictureTokens ?? 0) +
    pictures * (rates.picture ?? 0) +
    usage.cachedRead * rates.cachedRead +
    usage.cacheWrite * rates.cacheWrite;
  const cost = prompt + (usage.output - reasoning) * rates.output + reasoning * (rates.reasoning ?? rates.output);
  // Also where it is not a number.
  if (!(cost <= largest)) broken("a request's cost leaves the whole numbers");
  return cost;
}

/** Pico-dollars, or null where the price is unknown. */
export function addUsage(total: Total, usage: Usage, picoDollars: number | null, estimated: boolean): void {
  total.input = wholeSum(total.input, usage.input);
  total.cachedRead = wholeSum(total.cachedRead, usage.cachedRead);
  total.cacheWrite = wholeSum(total.cacheWrite, usage.cacheWrite);
  total.output = wholeSum(total.output, usage.output);
  total.reasoning = wholeSum(total.reasoning, usage.reasoning);
  if (estimated) total.estimated += 1;
  if (picoDollars === null) {
    total.unpriced += 1;
    return;
  }
  // The pico-dollars apart: with them the sum could leave the whole numbers.
  const nano = Math.floor(picoDollars / 1000);
  const pico = total.picoDollars + (picoDollars - nano * 1000);
  const carried = pico >= 1000 ? 1 : 0;
  total.nanoDollars = wholeSum(total.nanoDollars, nano + carried);
  total.picoDollars = pico - carried * 1000;
}

function wholeSum(total: number, part: number): number {
  const sum = total + part;
  if (sum <= largest) return sum;
  // Also where it is not a number.
  if (!(sum > largest)) broken("a part of a total is not a number");
  return largest;
}

/** Nano-dollars, half to even. */
export function roundToNano(picoDollars: number): number {
  const whole = Math.floor(picoDollars / 1000);
  const rest = picoDollars - whole * 1000;
  if (rest > 500 || (rest === 500 && whole % 2 === 1)) return whole + 1;
  return whole;
}
