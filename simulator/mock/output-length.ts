import { exp } from "../../router/core/numeric.ts";
import { keyedNormal, purposeOf } from "../../router/core/random.ts";

const purpose = purposeOf("mock-output-tokens");
/** Log-normal of the Azure 2023 conversation trace's answers (tokens). */
const mu = 5.02;
const sigma = 0.86;

/** How long an answer would be if nothing capped it, for calls that do not say it themselves. At least 1. */
export function drawOutputTokens(seed: number, serial: number, choice = 0): number {
  return Math.max(1, Math.floor(exp(mu + sigma * keyedNormal(seed, purpose, serial, choice)) + 0.5));
}
