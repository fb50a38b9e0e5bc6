import { join } from "node:path";
import { instantAt, seconds } from "../../router/core/time.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { arrivalsOf as arrivalsOfTrace } from "../../simulator/scenario/arrivals.ts";
import { mooncake } from "../../simulator/trace/formats/mooncake.ts";
import { loadTrace } from "../../simulator/trace/load-trace.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { arrivalsOf, dumpedRequests, type RequestColumns, tenantNames } from "./dumped-requests.ts";
import { engineFor } from "./yardstick.ts";

/** Where the requests of a row come from: what the prototype wrote, the same kind of requests, or half an hour of Mooncake. */
export type BenchRequests = { readonly kind: "dump"; readonly file: string } | MadeRequests | { readonly kind: "mooncake" };

interface MadeRequests {
  readonly kind: "made";
  readonly count: number;
  readonly perSecond: number;
  readonly input: number;
  readonly output: number;
}

/** More are made one at a time while they are simulated, for the sake of memory. */
const aheadMax = 200_000;

export interface BenchArrivals {
  readonly count: number;
  readonly arrivals: Iterator<Arrival>;
}

export async function benchArrivals(requests: BenchRequests, tenants: number): Promise<BenchArrivals> {
  switch (requests.kind) {
    case "dump": {
      const columns = dumpedRequests(requests.file);
      return { count: columns.at.length, arrivals: arrivalsOf(columns, tenants) };
    }
    case "made":
      return { count: requests.count, arrivals: requests.count > aheadMax ? made(requests, tenants) : arrivalsOf(columnsOf(requests), tenants) };
    case "mooncake": {
      const file = join(sharedFolder() ?? "", "traces/mooncake_conversation_0-30min.jsonl.gz");
      const { table, blockTokens } = await loadTrace(file, mooncake, Infinity);
      const options = { speed: 1, blockTokens, keyTokens: engineFor(requests).blockTokens, routes: new Set<string>(), features: null, seed: 1 };
      return { count: table.rows, arrivals: arrivalsOfTrace(table, options) };
    }
  }
}

function columnsOf(requests: MadeRequests): RequestColumns {
  const { count } = requests;
  const columns = { at: new Float64Array(count), inputTokens: new Int32Array(count), outputTokens: new Int32Array(count) };
  let row = 0;
  for (const { at, inputTokens, outputTokens } of made(requests, 1)) {
    columns.at[row] = at;
    columns.inputTokens[row] = inputTokens;
    columns.outputTokens[row] = outputTokens;
    row += 1;
  }
  return columns;
}

/** As the prototype draws them: Poisson arrivals, lengths normal around the means. */
function* made({ count, perSecond, input, output }: MadeRequests, tenants: number): Generator<Arrival, undefined> {
  let state = 42;
  const unit = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(unit() + 1e-12)) * Math.cos(2 * Math.PI * unit());
  const between = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, Math.round(value)));
  const names = tenantNames(tenants);
  let at = 0;
  for (let row = 0; row < count; row += 1) {
    at -= Math.log(1 - unit()) / perSecond;
    yield {
      at: instantAt(seconds(at)),
      inputTokens: between(input * (1 + 0.3 * normal()), Math.ceil(input / 16), input * 4),
      outputTokens: between(output * (1 + 0.25 * normal()), 1, output * 4),
      blocks: null,
      route: null,
      tenant: names[row % tenants] ?? null,
    };
  }
  return undefined;
}
