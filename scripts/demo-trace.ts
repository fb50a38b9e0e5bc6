import { exp, ln } from "../router/core/numeric.ts";
import { forkRandom, nextUnit } from "../router/core/random.ts";
import type { RandomState } from "../router/core/random.ts";

/**
 * The synthetic trace of the demo, in Azure's format: Poisson arrivals under a rate that swells in the middle, log-normal lengths with the parameters that were
 * fitted to Azure's conversation trace of 2023 (prompt mu 6.63 sigma 0.99, answer mu 5.02 sigma 0.86; natural logarithm, tokens). Invented: no request in it was ever made.
 */
const demoSeed = 20231116;
const rowsCount = 600;

export function demoTrace(): string {
  const gaps = forkRandom(demoSeed, "gaps");
  const prompts = forkRandom(demoSeed, "prompts");
  const answers = forkRandom(demoSeed, "answers");
  const rows = ["TIMESTAMP,ContextTokens,GeneratedTokens"];
  let seconds = 0;
  for (let row = 0; row < rowsCount; row += 1) {
    if (row > 0) seconds += -ln(1 - nextUnit(gaps)) / ratePerSecond(seconds);
    const prompt = clipped(exp(6.63 + 0.99 * normal(prompts)), 2, 7437);
    const answer = clipped(exp(5.02 + 0.86 * normal(answers)), 2, 1000);
    rows.push(`${timestamp(seconds)},${prompt},${answer}`);
  }
  // Like Azure's own files: no line break after the last row.
  return rows.join("\n");
}

/** 2.4 requests a second, up to 4.2 a second between 60 s and 120 s. */
function ratePerSecond(seconds: number): number {
  const fromPeak = Math.abs(seconds - 90) / 30;
  return 2.4 + 1.8 * Math.max(0, 1 - fromPeak);
}

/** Sum of twelve uniforms less six: near enough to normal for lengths. */
function normal(state: RandomState): number {
  let sum = -6;
  for (let draw = 0; draw < 12; draw += 1) sum += nextUnit(state);
  return sum;
}

const clipped = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, Math.round(value)));

function timestamp(seconds: number): string {
  const micros = Math.round(seconds * 1_000_000);
  const whole = Math.floor(micros / 1_000_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `2024-01-01 ${two(9 + Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${String(micros % 1_000_000).padStart(6, "0")}0`;
}
