import type { AnswerPart, NeutralAnswer, NeutralChoice, TokenLogprob } from "../neutral/neutral-answer.ts";
import { textOr } from "../neutral/untranslatable.ts";
import type { StopReason } from "../provider-adapter.ts";
import { readGenerateUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

/** A generateContent answer; null: it is none. A prompt that was blocked has no candidates, and is an answer that the filter ended. */
export function readGenerateAnswer(value: unknown): NeutralAnswer | null {
  if (!isFields(value)) return null;
  const candidates: readonly unknown[] = Array.isArray(value["candidates"]) ? value["candidates"] : [];
  const blocked = isFields(value["promptFeedback"]) && value["promptFeedback"]["blockReason"] !== undefined;
  if (candidates.length === 0 && !blocked) return null;
  const id = textOr(value["responseId"], "gemini");
  const choices = candidates.map((candidate) => readCandidate(isFields(candidate) ? candidate : {}, id));
  const none: NeutralChoice = { parts: [], reason: "filter", stopText: null, logprobs: null };
  return { id, choices: choices.length === 0 ? [none] : choices, usage: readGenerateUsage(value["usageMetadata"]) };
}

function readCandidate(candidate: Fields, id: string): NeutralChoice {
  const parts = partsOf(candidate).flatMap((part, place) => readPart(part, `${id}_${place}`) ?? []);
  const called = parts.some(({ kind }) => kind === "tool-call");
  return {
    parts: joined(parts),
    reason: readFinish(candidate["finishReason"], called) ?? "stop",
    stopText: null,
    logprobs: readLogprobs(candidate["logprobsResult"]),
  };
}

export function partsOf(candidate: Fields): readonly Fields[] {
  const content = isFields(candidate["content"]) ? candidate["content"] : {};
  const parts: readonly unknown[] = Array.isArray(content["parts"]) ? content["parts"] : [];
  return parts.filter(isFields);
}

/** @param id for a call, which Gemini as a rule does not name */
export function readPart(part: Fields, id: string): AnswerPart | null {
  const signature = typeof part["thoughtSignature"] === "string" ? part["thoughtSignature"] : null;
  const call = part["functionCall"];
  if (isFields(call)) {
    const own = typeof call["id"] === "string" && call["id"] !== "" ? call["id"] : `call_${id.replaceAll(/[^A-Za-z0-9_]/g, "")}`;
    return { kind: "tool-call", id: own, name: textOr(call["name"]), arguments: JSON.stringify(call["args"] ?? {}), signature };
  }
  const { text } = part;
  if (typeof text !== "string" || text === "") return null;
  return part["thought"] === true ? { kind: "thinking", text, signature } : { kind: "text", text };
}

/** Pieces of one text are one text. */
function joined(parts: readonly AnswerPart[]): readonly AnswerPart[] {
  const whole: AnswerPart[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (last?.kind === "text" && part.kind === "text") whole[whole.length - 1] = { kind: "text", text: last.text + part.text };
    else whole.push(part);
  }
  return whole;
}

const filtered = new Set(["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE", "MODEL_ARMOR"]);

/** Null: it goes on. */
export function readFinish(reason: unknown, called: boolean): StopReason | null {
  if (typeof reason !== "string" || reason === "" || reason === "FINISH_REASON_UNSPECIFIED") return null;
  if (reason === "MAX_TOKENS") return "length";
  if (filtered.has(reason)) return "filter";
  return called ? "tool" : "stop";
}

export function readLogprobs(value: unknown): readonly TokenLogprob[] | null {
  if (!isFields(value) || !Array.isArray(value["chosenCandidates"])) return null;
  const tops: readonly unknown[] = Array.isArray(value["topCandidates"]) ? value["topCandidates"] : [];
  return value["chosenCandidates"].filter(isFields).map((chosen, place) => {
    const top = tops[place];
    const others: readonly unknown[] = isFields(top) && Array.isArray(top["candidates"]) ? top["candidates"] : [];
    return { ...tokenOf(chosen), top_logprobs: others.filter(isFields).map(tokenOf) };
  });
}

function tokenOf(value: Fields): { token: string; logprob: number; bytes: readonly number[] } {
  const token = textOr(value["token"]);
  return { token, logprob: Number(value["logProbability"] ?? 0), bytes: [...Buffer.from(token)] };
}
