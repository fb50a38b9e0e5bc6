/** How one request of the load ended, as its caller saw it. */
export type LoadEnd =
  /** A whole answer. */
  | "whole"
  /** It broke off after content had come, and said so: an error event, no `[DONE]`. */
  | "cut"
  /** An error in the caller's dialect instead of an answer. */
  | "refused"
  /** Anything else: an answer that looks whole and is not, a connection without an answer. */
  | "wrong";

export interface LoadResult {
  readonly end: LoadEnd;
  readonly startedMs: number;
  /** From the request to the first byte of its answer's body. */
  readonly firstMs: number;
  readonly attempts: number;
  readonly detail: string;
}

type Judged = Pick<LoadResult, "end" | "detail">;
interface Told {
  readonly status: number;
  readonly requestId: string;
  readonly text: string;
}

/** So many callers, each with one stream or plain request after the other, until told to stop. */
export class SteadyLoad {
  readonly results: LoadResult[] = [];
  readonly #url: string;
  readonly #tokens: number;
  readonly #words: number;
  readonly #callers: readonly Promise<void>[];
  #stopped = false;

  /** @param tokens of each answer @param words of each prompt, beside its first few; no two prompts begin alike */
  constructor(url: string, callers: number, tokens: number, words: number) {
    this.#url = url;
    this.#tokens = tokens;
    this.#words = words;
    this.#callers = Array.from({ length: callers }, async (_, place) => this.#call(place));
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(caller: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const startedMs = performance.now();
      const stream = (caller + turn) % 4 !== 0;
      const told = await this.#ask(stream, `caller ${caller} turn ${turn}${" word".repeat(this.#words)}`);
      const { end } = told;
      this.results.push({ ...told, startedMs });
      if (end === "refused") await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async #ask(stream: boolean, content: string): Promise<Omit<LoadResult, "startedMs">> {
    const body = { model: "round-robin", messages: [{ role: "user", content }], max_tokens: this.#tokens, ignore_eos: true, stream };
    const startedMs = performance.now();
    const told = { status: 0, requestId: "", attempts: 0, firstMs: 0, text: "" };
    try {
      const answer = await fetch(`${this.#url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      told.status = answer.status;
      told.requestId = answer.headers.get("x-headgate-request-id") ?? "";
      told.attempts = Number(answer.headers.get("x-headgate-attempts") ?? 0);
      for await (const chunk of answer.body ?? []) {
        if (told.text === "") told.firstMs = performance.now() - startedMs;
        told.text += Buffer.from(chunk).toString("utf8");
      }
    } catch (error) {
      return { ...told, ...(await this.#broken(told, String(error))) };
    }
    return { ...told, ...(await this.#judged(told, stream)) };
  }

  async #broken({ status, requestId, text }: Told, error: string): Promise<Judged> {
    const says = text.includes('"error"') && !text.includes("[DONE]");
    return { end: says ? "cut" : "wrong", detail: `${status} ${error} ${text.slice(-200)} ${await this.#attemptsOf(requestId)}` };
  }

  async #judged({ status, requestId, text }: Told, stream: boolean): Promise<Judged> {
    if (status !== 200)
      return { end: text.includes('"error"') ? "refused" : "wrong", detail: `${status} ${text.slice(0, 200)} ${await this.#attemptsOf(requestId)}` };
    const whole = stream ? text.includes("[DONE]") && !text.includes('"error"') : text.includes('"usage"');
    return { end: whole ? "whole" : "wrong", detail: whole ? "" : `${text.slice(-200)} ${await this.#attemptsOf(requestId)}` };
  }

  /** What the router tells of it: who was asked, and how that ended. */
  async #attemptsOf(requestId: string): Promise<string> {
    if (requestId === "") return "";
    const answer = await fetch(`${this.#url}/v1/requests/${requestId}`);
    return answer.text();
  }
}
