import { Dice } from "./dice.ts";
import { answersIn, callOnce, type Heard, type HeardAnswer } from "./fuzz-caller.ts";
import { fuzzedAnswer, wholeAnswer } from "./fuzz-answers.ts";
import { type FuzzedRequest, fuzzedRequest } from "./fuzz-requests.ts";
import { fuzzModels } from "./fuzz-models.ts";
import { type AnswerTo, caseText, startFuzzService } from "./fuzz-service.ts";

export interface FuzzReport {
  readonly played: number;
  /** By status; 0: no answer. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly problems: readonly string[];
}

export interface FuzzPlan {
  readonly count: number;
  readonly seed: number;
  readonly atOnce: number;
  /** The first case; absent: 0. Each case has draws of its own, by seed and place, so that it can be played again alone. */
  readonly from?: number;
  readonly onProgress?: (played: number, problems: number) => void;
}

const problemsMax = 20;
const goodBody = JSON.stringify({
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
});
const goodPlain = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${goodBody.length}\r\n\r\n${goodBody}`;
const goodEvents = `data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
const goodStream = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${goodEvents.length}\r\n\r\n${goodEvents}`;
const goodAnswer: AnswerTo = (stream, _place, speech) =>
  speech === "chat" ? { pieces: [stream ? goodStream : goodPlain], afterwards: "keep" } : wholeAnswer(speech, stream);

/** Whatever callers send: no crash, no hang, and what is refused is refused in a dialect, never with a 500. */
export async function fuzzRequests(plan: FuzzPlan): Promise<FuzzReport> {
  return play(plan, goodAnswer, (place) => fuzzedRequest(new Dice(plan.seed, `fuzzed-request ${place}`)), judgeRequest);
}

/** Whatever a provider answers: no crash, no hang, and a caller never takes a broken answer for a whole one. */
export async function fuzzAnswers(plan: FuzzPlan): Promise<FuzzReport> {
  const request = (place: number): FuzzedRequest => {
    const dice = new Dice(plan.seed, `fuzzed-answer ${place}, its request`);
    const stream = dice.chance(0.6) ? `,"stream":true` : "";
    const model = dice.chance(0.7) ? "chat" : dice.pick(fuzzModels);
    const body = `{"model":"${model}","messages":[{"role":"user","content":"${caseText(place)}"}]${stream}}`;
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    return { pieces: [head + body], pauseMs: 0, afterwards: dice.chance(0.02) ? "leave" : "wait", isHead: false };
  };
  const answer: AnswerTo = (stream, place, speech) =>
    place === -1 ? goodAnswer(stream, place, speech) : fuzzedAnswer(new Dice(plan.seed, `fuzzed-answer ${place}`), stream, speech);
  return play(plan, answer, request, judgeAnswer);
}

async function play(
  { count, seed, atOnce, from = 0, onProgress }: FuzzPlan,
  answer: AnswerTo,
  requestOf: (place: number) => FuzzedRequest,
  judge: (answer: HeardAnswer, request: FuzzedRequest) => string | null,
): Promise<FuzzReport> {
  const service = await startFuzzService(answer);
  const statuses = new Map<number, number>();
  const problems: string[] = [];
  const onCrash = (error: Error): void => void problems.push(`crash: ${error.stack ?? error.message}`);
  process.on("uncaughtException", onCrash);
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count && problems.length < problemsMax) {
      const place = from + begun;
      begun += 1;
      if (begun % 5000 === 0) onProgress?.(begun, problems.length);
      const request = requestOf(place);
      const heard = await callOnce(service.port, request);
      const said = problemOf(request, heard, judge, statuses);
      if (said !== null)
        problems.push(
          `case ${place} of seed ${seed}: ${said}\n  sent ${JSON.stringify(request.pieces.join("").slice(0, 600))}\n  heard ${JSON.stringify(heard.text.slice(0, 600))}`,
        );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  await service.stop();
  process.removeListener("uncaughtException", onCrash);
  return { played: begun, statuses, problems };
}

function problemOf(
  request: FuzzedRequest,
  heard: Heard,
  judge: (answer: HeardAnswer, request: FuzzedRequest) => string | null,
  statuses: Map<number, number>,
): string | null {
  const answers = answersIn(heard.text, request.isHead);
  // Kept open for another request, where the one that was answered did not say otherwise.
  if (heard.ended === null && !isAnswered(answers)) return `hang: neither an answer nor an end, and ${heard.hang}`;
  if (answers === null) return request.afterwards === "leave" || request.isHead ? null : "not an HTTP answer";
  const status = answers[0]?.status ?? 0;
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (answers.length === 0 && request.afterwards === "wait" && heard.ended === "end") return "no answer at all";
  return request.afterwards === "leave" || request.isHead ? null : firstProblem(answers, (answer) => judge(answer, request));
}

const isAnswered = (answers: readonly HeardAnswer[] | null): boolean => answers !== null && answers.length > 0 && answers.every(({ whole }) => whole);

function firstProblem(answers: readonly HeardAnswer[], judge: (answer: HeardAnswer) => string | null): string | null {
  for (const answer of answers) {
    const said = judge(answer);
    if (said !== null) return said;
  }
  return null;
}

function judgeRequest(answer: HeardAnswer): string | null {
  if (answer.status === 500) return "500: a fault of ours";
  if (answer.status >= 400) return answer.whole && !isErrorBody(answer.body) ? `a refusal (${answer.status}) in no dialect` : null;
  if (answer.status === 200 && answer.type.startsWith("text/event-stream") && answer.whole && !isWholeStream(answer.body))
    return "a stream that ends without its end";
  return null;
}

function judgeAnswer(answer: HeardAnswer, request: FuzzedRequest): string | null {
  if (answer.status === 500) return "500: a fault of ours";
  if (answer.status >= 400) return answer.whole && isErrorBody(answer.body) ? null : `an error (${answer.status}) in no dialect`;
  const isStream = request.pieces.some((piece) => piece.includes('"stream":true')) && answer.type.startsWith("text/event-stream");
  if (answer.status !== 200 || !isStream) return null;
  if (answer.whole) return answer.body.includes("[DONE]") ? null : "a stream that looks whole and has no [DONE]";
  return answer.body.includes('"error"') ? null : "a broken stream that does not say so";
}

const isWholeStream = (body: string): boolean => body.includes("[DONE]") || body.includes("response.completed") || body.includes("message_stop");

/** `{error: {message, type, code}}`, or Anthropic's around it. */
function isErrorBody(body: string): boolean {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; type?: unknown } };
    return typeof error?.message === "string" && error.message !== "" && typeof error.type === "string";
  } catch {
    return false;
  }
}
