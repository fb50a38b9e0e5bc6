import { pythonFloat } from "./python-text.ts";

const manySeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60];
const fewSeconds = [0.1, 0.5, 1];

interface Handled {
  readonly durations: number[];
  readonly statuses: Map<string, number>;
  readonly createdSeconds: number;
  requestBytes: number;
}

/** What a vLLM server counts of HTTP itself, beside its engine: calls by path and status. Bounded by the paths there are, and by what is kept of each: counts in buckets. */
export class HttpMetrics {
  readonly #createdSeconds = Date.now() / 1000;
  readonly #handlers = new Map<string, Handled>();

  ended(handler: string, status: number, seconds: number, requestBytes: number): void {
    let own = this.#handlers.get(handler);
    if (own === undefined) {
      own = { durations: [...manySeconds, 0, 0].map(() => 0), statuses: new Map(), createdSeconds: Date.now() / 1000, requestBytes: 0 };
      this.#handlers.set(handler, own);
    }
    const bucket = manySeconds.findIndex((bound) => seconds <= bound);
    const place = bucket === -1 ? manySeconds.length : bucket;
    own.durations[place] = (own.durations[place] ?? 0) + 1;
    own.durations[manySeconds.length + 1] = (own.durations[manySeconds.length + 1] ?? 0) + seconds;
    const family = `${Math.floor(status / 100)}xx`;
    own.statuses.set(family, (own.statuses.get(family) ?? 0) + 1);
    own.requestBytes += requestBytes;
  }

  exposition(): string {
    const handlers = [...this.#handlers];
    const lines = [
      ...this.#requests(handlers),
      ...summary("http_request_size_bytes", handlers, ({ requestBytes }) => requestBytes),
      ...summary("http_response_size_bytes", handlers, () => 0),
      ...this.#durations(handlers),
    ];
    return `${lines.join("\n")}\n`;
  }

  #requests(handlers: readonly (readonly [string, Handled])[]): readonly string[] {
    const rows = (name: string, valueOf: (count: number, own: Handled) => number): readonly string[] =>
      handlers.flatMap(([handler, own]) =>
        [...own.statuses].map(([status, count]) => `${name}{handler="${handler}",method="POST",status="${status}"} ${pythonFloat(valueOf(count, own))}`),
      );
    const total = family(
      "http_requests_total",
      "counter",
      rows("http_requests_total", (count) => count),
    );
    const created = family(
      "http_requests_created",
      "gauge",
      rows("http_requests_created", (_count, own) => own.createdSeconds),
    );
    return [...total, ...created];
  }

  #durations(handlers: readonly (readonly [string, Handled])[]): readonly string[] {
    const all = handlers.map(([, own]) => own.durations);
    const together = [...manySeconds, 0, 0].map((_, place) => all.reduce((sum, durations) => sum + (durations[place] ?? 0), 0));
    const highr = "http_request_duration_highr_seconds";
    const short = "http_request_duration_seconds";
    const shortRows = handlers.flatMap(([handler, { durations }]) => histogram(short, `handler="${handler}",`, ',method="POST"', durations, fewSeconds));
    const shortCreated = handlers.map(([handler, own]) => `${short}_created{handler="${handler}",method="POST"} ${own.createdSeconds}`);
    return [
      ...family(highr, "histogram", histogram(highr, "", "", together, manySeconds)),
      ...family(`${highr}_created`, "gauge", [`${highr}_created ${this.#createdSeconds}`]),
      ...family(short, "histogram", shortRows),
      ...family(`${short}_created`, "gauge", shortCreated),
    ];
  }
}

const family = (name: string, type: string, rows: readonly string[]): readonly string[] => [
  `# HELP ${name} Calls over HTTP`,
  `# TYPE ${name} ${type}`,
  ...rows,
];

function summary(name: string, handlers: readonly (readonly [string, Handled])[], sumOf: (own: Handled) => number): readonly string[] {
  const rows = handlers.flatMap(([handler, own]) => {
    const count = [...own.statuses.values()].reduce((sum, each) => sum + each, 0);
    return [`${name}_count{handler="${handler}"} ${pythonFloat(count)}`, `${name}_sum{handler="${handler}"} ${pythonFloat(sumOf(own))}`];
  });
  const created = handlers.map(([handler, own]) => `${name}_created{handler="${handler}"} ${own.createdSeconds}`);
  return [...family(name, "summary", rows), ...family(`${name}_created`, "gauge", created)];
}

/** @param durations counts of the fine buckets, of what is beyond them, and the sum */
function histogram(name: string, before: string, after: string, durations: readonly number[], bounds: readonly number[]): readonly string[] {
  const upTo = (bound: number): number => durations.reduce((sum, count, place) => sum + ((manySeconds[place] ?? Infinity) <= bound ? count : 0), 0);
  const count = durations.slice(0, manySeconds.length + 1).reduce((sum, each) => sum + each, 0);
  const labels = `${before}${after}`.replace(/^,|,$/g, "").replace(",,", ",");
  const suffix = labels === "" ? "" : `{${labels}}`;
  return [
    ...bounds.map((bound) => `${name}_bucket{${before}le="${pythonFloat(bound)}"${after}} ${pythonFloat(upTo(bound))}`),
    `${name}_bucket{${before}le="+Inf"${after}} ${pythonFloat(count)}`,
    `${name}_count${suffix} ${pythonFloat(count)}`,
    `${name}_sum${suffix} ${pythonFloat(durations[manySeconds.length + 1] ?? 0)}`,
  ];
}
