import { gamma, quantileAt, weibull } from "../../core/workload/random-draws.ts";
import { forkRandom, nextUnit, type RandomState } from "../../../router/core/random.ts";
import { JsonLine, shown } from "../json-line.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";

/**
 * ServeGen clients (github.com/alibaba/ServeGen): not requests, but what each client's load is made of, a line per client. `w`: per window of ten minutes its number, requests
 * per second, coefficient of variation of the gaps, their distribution (G gamma, W Weibull) and its shape. `tok`: from a window on, quantiles of input and output tokens at
 * 0, 5, ..., 100 and 99 %. Requests are drawn from it by seed: in each window as many as its rate says, their gaps scaled so that they fill it; lengths by the inverse of the
 * quantile tables, input and output apart. A client is a tenant.
 */
export const serveGen: TraceFormat = {
  name: "servegen",
  description:
    'ServeGen clients: {"client", "w": [[window, rate, cv, "G"|"W", shape], ...], "tok": {window: {"in": [22], "ou": [22]}}}; requests are drawn by --seed',
  detect: (firstLine) => firstLine.startsWith("{") && firstLine.includes('"client"') && firstLine.includes('"w"') && firstLine.includes('"tok"'),
  openLines: ({ seed }) => new ClientLines(seed),
  lineMax: 1 << 24,
};

const windowUs = 600_000_000;
const windowsMax = 53_000;
const ratesMax = 100_000;

interface Window {
  readonly number: number;
  readonly requests: number;
  readonly distribution: "G" | "W";
  readonly shape: number;
}
interface Lengths {
  readonly from: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
}
interface Client {
  readonly name: string;
  readonly windows: readonly Window[];
  readonly lengths: readonly Lengths[];
  readonly gaps: RandomState;
  readonly tokens: RandomState;
  next: number;
}

class ClientLines implements LineParser {
  readonly originUs = 0;
  readonly blockTokens = null;
  readonly #seed: number;
  readonly #clients: Client[] = [];
  #firstUs: number | null = null;

  constructor(seed: number) {
    this.#seed = seed;
  }

  notes(): readonly string[] {
    return [`requests are drawn from ${this.#clients.length} clients with seed ${this.#seed}`];
  }

  readLine(text: string, _sink: TraceSink): void {
    const line = new JsonLine(text);
    const name = line.text("client");
    if (name === null) return refuse(line.columnOf("client"), "client", "is missing", "give every client a number or name");
    if (this.#clients.some((client) => client.name === `c${name}`))
      refuse(line.columnOf("client"), "client", `${name} is there twice`, "give every client one line");
    const windows = windowsOf(line);
    const lengths = lengthsOf(line);
    const random = (what: string): RandomState => forkRandom(this.#seed, `servegen ${name} ${what}`);
    this.#clients.push({ name: `c${name}`, windows, lengths, gaps: random("gaps"), tokens: random("tokens"), next: 0 });
  }

  /** Window by window, so that only one window's requests are held. */
  end(sink: TraceSink): void {
    const numbers = new Set(this.#clients.flatMap((client) => client.windows.map((window) => window.number)));
    for (const number of [...numbers].toSorted((one, other) => one - other)) {
      const arrivals: { readonly atUs: number; readonly client: Client }[] = [];
      for (const client of this.#clients) {
        const window = client.windows[client.next];
        if (window?.number !== number) continue;
        client.next += 1;
        for (const atUs of arrivalsIn(client, window)) arrivals.push({ atUs, client });
      }
      arrivals.sort((one, other) => one.atUs - other.atUs);
      for (const { atUs, client } of arrivals) {
        this.#firstUs ??= atUs;
        const lengths = client.lengths.findLast(({ from }) => from <= number) ?? client.lengths[0];
        const input = Math.max(1, Math.round(tokensAt(lengths?.input, nextUnit(client.tokens))));
        const output = Math.max(1, Math.round(tokensAt(lengths?.output, nextUnit(client.tokens))));
        sink.row(rowOf(atUs - this.#firstUs, input, output, { tenant: client.name }));
      }
    }
  }
}

function arrivalsIn(client: Client, { number, requests, distribution, shape }: Window): readonly number[] {
  const gaps = Array.from({ length: requests }, () => (distribution === "G" ? gamma(client.gaps, shape) : weibull(client.gaps, shape)));
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  // The window begins somewhere within its first gap.
  let sum = -nextUnit(client.gaps) * (gaps[0] ?? 0);
  return gaps.map((gap) => {
    sum += gap;
    return number * windowUs + Math.floor(total > 0 ? (Math.max(0, sum) / total) * windowUs : 0);
  });
}

const isWithin = (value: unknown, least: number, most: number): value is number => typeof value === "number" && value >= least && value <= most;

function windowsOf(line: JsonLine): readonly Window[] {
  let last = -1;
  return line.list("w").map((value, place) => {
    const bad = (what: string): never =>
      refuse(line.columnOf("w"), `w[${place}]`, `${shown(value)} ${what}`, 'give [window, requests per second, cv, "G" or "W", shape], windows ascending');
    const [number, rate, cv, distribution, shape, ...more] = Array.isArray(value) ? (value as readonly unknown[]) : [];
    if (more.length > 0 || shape === undefined) return bad("is not a list of five");
    if (!isWithin(number, 0, windowsMax) || !Number.isInteger(number)) return bad(`has no window from 0 to ${windowsMax}`);
    if (number <= last) return bad("is not after the window before");
    last = number;
    if (!isWithin(rate, 0, ratesMax)) return bad(`has no rate from 0 to ${ratesMax}`);
    if (!isWithin(cv, 0, Infinity)) return bad("has a negative cv");
    if (distribution !== "G" && distribution !== "W") return bad("has a distribution other than G and W");
    if (!isWithin(shape, 0.001, 10_000)) return bad("has no shape from 0.001 to 10000");
    return { number, requests: Math.round(rate * 600), distribution, shape };
  });
}

function lengthsOf(line: JsonLine): readonly Lengths[] {
  const value = line.value("tok");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(line.columnOf("tok"), "tok", `${shown(value)} is not an object`, "give quantiles by window");
  const lengths = Object.entries(value as Readonly<Record<string, unknown>>).map(([from, tables]): Lengths => {
    const table = (name: "in" | "ou"): readonly number[] =>
      quantilesOf(line, `tok.${from}.${name}`, typeof tables === "object" && tables !== null ? Reflect.get(tables, name) : null);
    if (!/^\d{1,6}$/.test(from)) refuse(line.columnOf("tok"), "tok", `"${from.slice(0, 20)}" is not a window`, "give windows as whole numbers");
    return { from: Number(from), input: table("in"), output: table("ou") };
  });
  if (lengths.length === 0) refuse(line.columnOf("tok"), "tok", "is empty", "give quantiles of at least one window");
  return lengths.toSorted((one, other) => one.from - other.from);
}

/** By straight lines between 0, 5, ..., 95 %, and between 95, 99 and 100 %. */
function tokensAt(quantiles: readonly number[] | undefined, share: number): number {
  if (quantiles === undefined) return 1;
  if (share < 0.95) return quantileAt(quantiles.slice(0, 20), share / 0.95);
  const [p95 = 0, p100 = 0, p99 = 0] = quantiles.slice(19);
  return share < 0.99 ? p95 + ((p99 - p95) * (share - 0.95)) / 0.04 : p99 + ((p100 - p99) * (share - 0.99)) / 0.01;
}

function quantilesOf(line: JsonLine, field: string, value: unknown): readonly number[] {
  const numbers = Array.isArray(value)
    ? (value as readonly unknown[]).filter((entry) => typeof entry === "number" && Number.isInteger(entry) && entry >= 0 && entry <= 100_000_000)
    : [];
  const quantiles = numbers as readonly number[];
  const [p95 = 0, p100 = 0, p99 = 0] = quantiles.slice(19);
  const ascending = p95 <= p99 && p99 <= p100 && quantiles.slice(0, 21).every((quantile, place) => place === 0 || quantile >= (quantiles[place - 1] ?? 0));
  if (!Array.isArray(value) || value.length !== 22 || numbers.length !== 22 || !ascending) {
    refuse(line.columnOf("tok"), field, `${shown(value)} is not a list of 22 quantiles`, "give tokens at 0, 5, ..., 100 and 99 %, ascending");
  }
  return quantiles;
}
