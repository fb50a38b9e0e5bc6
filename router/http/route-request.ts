import type { PriceChange } from "../config/service-spec.ts";
import { tokensMax } from "../core/accounting/request-bounds.ts";
import { chargesPictures } from "../core/accounting/rates.ts";
import { type CompiledConfig, type RouteSpec, strategyNames } from "../core/compiled-config.ts";
import type { Instant } from "../core/machine.ts";
import { type DeploymentId, type EndpointId, type RequestId, type RouteRequest, type TenantId, unlabelled } from "../core/messages.ts";
import { after, millis, never } from "../core/time.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import type { AskName } from "../providers/request-contract.ts";
import { tierNamed } from "../providers/served-tier.ts";
import { answersAsked } from "./answers-asked.ts";
import { dialectHandling } from "./dialect-handling.ts";
import { countPictures } from "./count-pictures.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { promptBlocks } from "./prompt-blocks.ts";
import { type Asks, noAsks } from "./read-asks.ts";
import { labelsOf } from "./request-labels.ts";

/** A call to a model that the surface has read. */
export interface AdmittedCall {
  readonly route: RouteSpec;
  readonly tenant: TenantId;
  readonly caller: CallerRequest;
  readonly asks: Asks;
  /** Deployments that cannot serve it. */
  readonly barred: readonly DeploymentId[];
  /** The only endpoint that can; null: any. */
  readonly only: EndpointId | null;
}

export interface RequestSetting {
  readonly id: RequestId;
  readonly serial: number;
  readonly now: Instant;
  readonly config: CompiledConfig;
  /** Callers are known by their keys: none may ask for more priority than it has. */
  readonly hasTenants: boolean;
  readonly looks: PromptLooks;
}

/** What is looked for in a prompt only where somebody wants to know it. */
export interface PromptLooks {
  /** Some route looks at the prompts' blocks. */
  readonly hashesPrompts: boolean;
  /** Some deployment charges by the picture, or will. */
  readonly countsPictures: boolean;
}

export function promptLooks({ routes, deployments }: CompiledConfig, priceChanges: readonly PriceChange[]): PromptLooks {
  return {
    hashesPrompts: routes.some(({ strategy }) => strategy === "prefix-affinity"),
    countsPictures: [...deployments, ...priceChanges].some(({ rates }) => chargesPictures(rates)),
  };
}

/** What the core is told of a call: no text. */
export function routeRequest(call: AdmittedCall, setting: RequestSetting): RouteRequest {
  const { route, tenant, caller, asks, barred } = call;
  const { id, serial, now, config, hasTenants, looks } = setting;
  const { scan } = caller;
  const own = config.tenants[tenant]?.priority ?? 0;
  // A file on its way to a provider is no prompt, however large it is.
  const isText = caller.dialect !== "openai-other" || scan.model !== null;
  const priority = typeof asks.priority === "number" ? Math.floor(asks.priority) : own;
  const labels = asks === noAsks ? unlabelled : labelsOf(asks, config);
  const routed: RouteRequest = {
    id,
    serial,
    tenant,
    route: route.id,
    inputTokens: isText ? estimateTokens(scan.body.length) : 1,
    outputTokensMax: isText ? Math.min((scan.outputTokensMax ?? route.outputTokensDefault) * answersAsked(caller), tokensMax) : 1,
    stream: scan.stream,
    priority: hasTenants ? Math.min(priority, own) : priority,
    deadline: typeof asks.maxLatencyMs === "number" ? after(now, millis(asks.maxLatencyMs)) : never,
    blocks: looks.hashesPrompts ? promptBlocks(scan) : null,
    barred,
    tags: labels.tags,
    tagMatch: labels.tagMatch,
    region: labels.region,
    residency: labels.residency,
  };
  return isOrdinary(call, looks) ? routed : { ...routed, ...whatElse(call, config, looks) };
}

const isOrdinary = ({ caller, asks, only }: AdmittedCall, { countsPictures }: PromptLooks): boolean =>
  !countsPictures && only === null && caller.scan.serviceTier === null && (asks === noAsks || !asksMore.some((name) => asks[name] !== undefined));

const asksMore: readonly AskName[] = ["costBudget", "qualityThreshold", "strategy", "costPreference", "latencyRequirement"];

function whatElse({ caller, asks, only }: AdmittedCall, config: CompiledConfig, { countsPictures }: PromptLooks): Partial<RouteRequest> {
  const { scan, dialect } = caller;
  return {
    ...(only === null ? {} : { only }),
    ...(countsPictures ? { pictures: countPictures(scan.body) } : {}),
    ...tierAsked(scan.serviceTier, dialectHandling(config, dialect).translate),
    ...(typeof asks.costBudget === "number" ? { costMaxNano: Math.floor(asks.costBudget * 1e9) } : {}),
    ...(typeof asks.qualityThreshold === "number" ? { qualityMin: asks.qualityThreshold } : {}),
    ...strategyAsked(asks),
  };
}

/** @param atOnce deployments in whose dialect the tier is lost */
function tierAsked(name: string | null, atOnce: readonly DeploymentId[]): Partial<RouteRequest> {
  const tier = tierNamed(name);
  if (tier === "delayed") return { batch: true, atOnce };
  return tier === "priority" ? { priorityTier: true, atOnce } : {};
}

/** The names of strategies to come, as `auto`, choose nothing yet. */
function strategyAsked({ strategy, latencyRequirement, costPreference }: Asks): Pick<RouteRequest, "strategy"> {
  const found = strategyNames.find((name) => name === strategy);
  if (found !== undefined) return { strategy: found };
  if (strategy !== undefined) return {};
  if (latencyRequirement === "lowest") return { strategy: "latency-based" };
  return costPreference === "lowest" ? { strategy: "cost-based" } : {};
}
