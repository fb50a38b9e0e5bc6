import { roundToNano } from "./accounting/ledger.ts";
import { present } from "./assert.ts";
import type { CompiledConfig } from "./compiled-config.ts";
import type { Duration, Instant } from "./machine.ts";
import type { EndpointId, ExclusionReason, FinishResult, RouteRequest, RouterCommand } from "./messages.ts";
import { Router, type RouterSnapshot } from "./router.ts";
import type { Place } from "./state.ts";
import { expectedOutput } from "./strategy/learn.ts";
import { peakNow } from "./strategy/learned.ts";
import { strategyOf } from "./strategy/strategy.ts";

export interface ExplainedRequest {
  readonly strategy: string;
  /** What the scores are, with their unit. */
  readonly measure: string;
  readonly candidates: readonly ExplainedCandidate[];
  readonly excluded: readonly { readonly endpoint: EndpointId; readonly why: ExclusionReason }[];
  /** Null: it waits, or it is refused. */
  readonly chosen: EndpointId | null;
  readonly result: "dispatched" | "waits" | FinishResult;
  /** Tokens that the answer is expected to have: what the route has learned, else the cap. */
  readonly outputTokens: number;
}

export interface ExplainedCandidate {
  readonly endpoint: EndpointId;
  /** Less is better; null where the strategy gives none. */
  readonly score: number | null;
  /** Nano-dollars; null: the price is unknown. */
  readonly expectedCost: number | null;
  /** To the first token of a stream, or the end of a plain answer, as lately measured; null: nothing is known. */
  readonly expectedLatency: Duration | null;
}

/** What a core that has got to `snapshot` (null: a fresh one) would do with the request now. Nothing of it is kept. */
export function explainRequest(config: CompiledConfig, snapshot: RouterSnapshot | null, request: RouteRequest, seed: number, here?: Place): ExplainedRequest {
  const router = new Router(config, { seed, explain: true, here }, snapshot ?? undefined);
  const before = router.snapshot();
  const commands: RouterCommand[] = [];
  router.handle({ kind: "request-arrived", request }, before.now, { emit: (command) => void commands.push(command) });
  const said = commands.find((command) => command.kind === "record-decision" && command.request === request.id);
  const finished = commands.find((command) => command.kind === "finish-request" && command.request === request.id);
  const explanation = said?.kind === "record-decision" ? said.explanation : null;
  const outputTokens = expectedOutput(present(before.routes[request.route], "the route's state").learned, request);
  const chosen = explanation?.chosen ?? null;
  return {
    strategy: strategyOf(present(config.routes[request.route], "the route"), request),
    measure: explanation?.measure ?? "",
    candidates: (explanation?.candidates ?? []).map((endpoint, place) => ({
      endpoint,
      score: explanation?.scores[place] ?? null,
      expectedCost: expectedCost(config, before, endpoint, request, outputTokens),
      expectedLatency: expectedLatency(before, endpoint, request.stream, before.now),
    })),
    excluded: explanation?.excluded ?? [],
    chosen,
    result: finished?.kind === "finish-request" ? finished.result : chosen === null ? "waits" : "dispatched",
    outputTokens,
  };
}

function expectedCost(config: CompiledConfig, state: RouterSnapshot, id: EndpointId, request: RouteRequest, outputTokens: number): number | null {
  const { rates } = present(config.deployments[present(config.endpoints[id], "the endpoint").deployment], "its deployment");
  if (rates === null) return null;
  const cached = Math.floor(request.inputTokens * present(state.endpoints[id], "the endpoint's state").learned.cachedShare);
  return roundToNano((request.inputTokens - cached) * rates.input + cached * rates.cachedRead + outputTokens * rates.output);
}

function expectedLatency(state: RouterSnapshot, id: EndpointId, stream: boolean, now: Instant): Duration | null {
  const { learned } = present(state.endpoints[id], "the endpoint's state");
  const average = stream ? learned.firstToken : learned.wholeAnswer;
  return average.samples === 0 ? null : (Math.floor(peakNow(average, now)) as Duration);
}
