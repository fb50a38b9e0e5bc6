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
  readonly detail: string;
}

/** So many callers, each with one stream or plain request after the other, until told to stop. */
export class SteadyLoad {
  readonly results: LoadResult[] = [];
  readonly #url: string;
  readonly #tokens: number;
  readonly #callers: readonly Promise<void>[];
  #stopped = false;

  constructor(url: string, callers: number, tokens: number) {
    this.#url = url;
    this.#tokens = tokens;
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
      const { end, detail } = await this.#ask(stream, `caller ${caller} turn ${turn}`);
      this.results.push({ end, startedMs, detail });
      if (end === "refused") await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async #ask(stream: boolean, content: string): Promise<Pick<LoadResult, "end" | "detail">> {
    const body = { model: "round-robin", messages: [{ role: "user", content }], max_tokens: this.#tokens, ignore_eos: true, stream };
    let status = 0;
    let requestId = "";
    let text = "";
    try {
      const answer = await fetch(`${this.#url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      ({ status } = answer);
      requestId = answer.headers.get("x-headgate-request-id") ?? "";
      for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString("utf8");
    } catch (error) {
      return { end: text.includes('"error"') && !text.includes("[DONE]") ? "cut" : "wrong", detail: `${status} ${String(error)} ${text.slice(-200)}` };
    }
    if (status !== 200)
      return { end: text.includes('"error"') ? "refused" : "wrong", detail: `${status} ${text.slice(0, 200)} ${await this.#attemptsOf(requestId)}` };
    const whole = stream ? text.includes("[DONE]") && !text.includes('"error"') : text.includes('"usage"');
    return { end: whole ? "whole" : "wrong", detail: whole ? "" : text.slice(-200) };
  }

  /** What the router tells of it: who was asked, and how that ended. */
  async #attemptsOf(requestId: string): Promise<string> {
    const answer = await fetch(`${this.#url}/v1/requests/${requestId}`);
    return answer.text();
  }
}
