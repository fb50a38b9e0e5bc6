import type { Fields } from "../../../router/core/fields.ts";
import { badRequest, type HttpRefusal } from "../http-refusal.ts";
import { numberIn } from "./field-problems.ts";
import { pythonFloat, pythonRepr } from "./python-text.ts";

/** What vLLM 0.32 finds wrong with how an answer is to be drawn (its SamplingParams), in its order; null: nothing. */
export function samplingProblem(fields: Fields, vocabularySize: number): HttpRefusal | null {
  for (const check of checks) {
    const problem = check(fields, vocabularySize);
    if (problem !== null) return problem;
  }
  return null;
}

/** `n` at most, unless a server's environment says otherwise. */
const answersMax = 16_384;

/** Answers that are asked for to each prompt; more than there may be are refused elsewhere. */
export const answersIn = (fields: Fields): number => Math.min(numberIn(fields, "n") ?? 1, answersMax);

type Check = (fields: Fields, vocabularySize: number) => HttpRefusal | null;

const named = (name: string, message: string, value: string): HttpRefusal => badRequest(`${message} (parameter=${name}, value=${value})`, name);

const inRange =
  (name: string, low: number, high: number): Check =>
  (fields) => {
    const value = numberIn(fields, name);
    if (value === null || (value >= low && value <= high)) return null;
    return badRequest(`${name} must be in [${low}, ${high}], got ${pythonFloat(value)}.`, null);
  };

const checks: readonly Check[] = [
  (fields) => {
    const n = numberIn(fields, "n");
    if (n === null || (n >= 1 && n <= answersMax)) return null;
    const advice = "To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.";
    return badRequest(n < 1 ? `n must be at least 1, got ${n}.` : `n must be at most ${answersMax}, got ${n}. ${advice}`, null);
  },
  inRange("presence_penalty", -2, 2),
  inRange("frequency_penalty", -2, 2),
  (fields) => {
    const value = numberIn(fields, "temperature");
    if (value === null || (value >= 0 && value <= 2)) return null;
    const shown = pythonFloat(value);
    return named("temperature", value < 0 ? `temperature must be non-negative, got ${shown}.` : `temperature must be in [0, 2], got ${shown}.`, shown);
  },
  (fields) => {
    const value = numberIn(fields, "top_p");
    if (value === null || (value > 0 && value <= 1)) return null;
    return named("top_p", `top_p must be in (0, 1], got ${pythonFloat(value)}.`, pythonFloat(value));
  },
  (fields) => {
    const max = numberIn(fields, "max_completion_tokens") ?? numberIn(fields, "max_tokens");
    const min = numberIn(fields, "min_tokens");
    return max === null || min === null || min <= max ? null : badRequest(`min_tokens must be less than or equal to max_tokens=${max}, got ${min}.`, null);
  },
  (fields) => {
    const stop = fields["stop"];
    const empty = stop === "" || (Array.isArray(stop) && stop.includes(""));
    return empty ? badRequest("stop cannot contain an empty string.", null) : null;
  },
  (fields) => {
    const n = numberIn(fields, "n") ?? 1;
    const greedy = numberIn(fields, "temperature") === 0 && fields["use_beam_search"] !== true;
    return greedy && n > 1 ? badRequest(`n must be 1 when using greedy sampling, got ${n}.`, null) : null;
  },
  logprobsProblem,
  logitBiasProblem,
];

const logprobsMax = 20;
function logprobsProblem(fields: Fields): HttpRefusal | null {
  const asked = numberIn(fields, "top_logprobs") ?? (typeof fields["logprobs"] === "number" ? fields["logprobs"] : null);
  if (asked === null || asked <= logprobsMax) return null;
  return named("logprobs", `Requested sample logprobs of ${asked}, which is greater than max allowed: ${logprobsMax}`, String(asked));
}

function logitBiasProblem(fields: Fields, vocabularySize: number): HttpRefusal | null {
  const bias = fields["logit_bias"];
  const keys = typeof bias === "object" && bias !== null ? Object.keys(bias) : [];
  const words = keys.filter((key) => !/^-?\d+$/.test(key));
  if (words.length > 0) {
    const list = `[${words.map(pythonRepr).join(", ")}]`;
    return named("logit_bias", `logit_bias contains key(s) that cannot be converted to integer token IDs: ${list}`, list);
  }
  const beyond = keys.map(Number).filter((id) => id < 0 || id >= vocabularySize);
  if (beyond.length === 0) return null;
  const list = `[${beyond.join(", ")}]`;
  return named("logit_bias", `token_id(s) ${list} in logit_bias contain out-of-vocab token ids. Vocabulary size: ${vocabularySize}`, list);
}
