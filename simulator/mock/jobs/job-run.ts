import type { IncomingHttpHeaders } from "node:http";

/** One line of a job: a call like any other, and the name that its sender knows it by. */
export interface JobLine {
  readonly customId: string;
  readonly path: string;
  readonly body: unknown;
}
export interface JobResult {
  readonly customId: string;
  readonly status: number;
  readonly body: unknown;
}

const atOnce = 8;

/**
 * The lines of a batch job, asked of the mock's own server, eight at once: they take what its model takes, and meet its faults. Cancelled: what is under way ends, the rest is not begun.
 */
export class JobRun {
  readonly results: JobResult[] = [];
  readonly lines: readonly JobLine[];
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;
  #next = 0;
  #cancelled = false;
  #endedMs: number | null = null;

  constructor(origin: string, headers: Readonly<Record<string, string>>, lines: readonly JobLine[]) {
    this.#origin = origin;
    this.#headers = headers;
    this.lines = lines;
    void Promise.all(Array.from({ length: atOnce }, async () => this.#work())).then(() => {
      this.#endedMs = Date.now();
    });
  }

  get state(): "running" | "cancelling" | "cancelled" | "ended" {
    if (this.#endedMs === null) return this.#cancelled ? "cancelling" : "running";
    return this.#cancelled ? "cancelled" : "ended";
  }

  get endedMs(): number | null {
    return this.#endedMs;
  }

  get succeeded(): number {
    return this.results.filter(({ status }) => status === 200).length;
  }

  cancel(): void {
    if (this.#endedMs === null) this.#cancelled = true;
  }

  async #work(): Promise<void> {
    while (!this.#cancelled) {
      const line = this.lines[this.#next];
      if (line === undefined) return;
      this.#next += 1;
      this.results.push(await this.#ask(line));
    }
  }

  async #ask({ customId, path, body }: JobLine): Promise<JobResult> {
    try {
      const headers = { ...this.#headers, "content-type": "application/json" };
      const answer = await fetch(`${this.#origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return { customId, status: answer.status, body: await answer.json() };
    } catch (error) {
      return { customId, status: 500, body: { error: { message: String(error), type: "server_error", param: null, code: null } } };
    }
  }
}

/** Those of a request that may carry a key. */
export function keyHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const names = ["authorization", "api-key", "x-api-key"] as const;
  return Object.fromEntries(names.flatMap((name) => (typeof headers[name] === "string" && headers[name] !== "" ? [[name, headers[name]] as const] : [])));
}
