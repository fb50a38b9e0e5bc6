import type { Tournament } from "../../../router/core/tournament.ts";
import { hasKey, removeKey, setKey, leastId, newTournament } from "../../../router/core/tournament.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import type { FailureKind } from "../../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import { seconds } from "../../../router/core/time.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals, FaultState } from "../endpoint.ts";
import { healthy, idleSignals } from "../endpoint.ts";
import { cutAfterTokens, faultRefusal } from "../endpoint/refusal.ts";
import { either } from "../fault/fault-script.ts";
import type { HostedCall } from "./hosted-call.ts";
import { changePace, tokenDueAt, tokensBefore, usageOf } from "./hosted-call.ts";
import type { HostedQuota } from "./hosted-quota.ts";
import { makeQuota, quotaState, releaseQuota, takeQuota } from "./hosted-quota.ts";
import type { BatchTierSpec, HostedSpec } from "./hosted-spec.ts";
import type { LogNormal } from "./log-normal.ts";
import { drawLatency, logNormalOf } from "./log-normal.ts";
import { factorAt } from "./time-of-day.ts";

/**
 * A hosted API as a distribution and a quota. Time to first token and time per token are log-normal, one draw each per request, keyed by its serial, and longer
 * by the time of day's factor and, of calls that may be delayed, by the batch tier's. A refusal's Retry-After is the time after which the same call would pass if nobody else came, rounded up to whole seconds (the
 * header's unit). What goes wrong steadily (errors, overload, the content filter, streams that break off or crawl) are shares of the calls; what comes in
 * clusters are faults: a Gilbert-Elliott channel is a random fault of kind `error` on top of `errorRate`.
 */
type CallReceived = Extract<EndpointEvent, { kind: "call-received" }>;

const firstTokenPurpose = purposeOf("hosted-first-token");
const perTokenPurpose = purposeOf("hosted-per-token");
const filterPurpose = purposeOf("hosted-content-filter");
const slowPurpose = purposeOf("hosted-slow-stream");
const batchRefusalPurpose = purposeOf("hosted-batch-refusal");

const atOnce: BatchTierSpec = { firstTokenFactor: 1, perTokenFactor: 1, refusedRate: 0 };

export class HostedProvider implements EndpointModel {
  readonly #spec: HostedSpec;
  readonly #seed: number;
  readonly #index: number;
  readonly #everyToken: boolean;
  readonly #firstToken: LogNormal;
  readonly #perToken: LogNormal;
  readonly #quota: HostedQuota;
  readonly #deadlines: Tournament = newTournament();
  /** By call id. */
  readonly #calls: (HostedCall | null)[] = [];
  #fault: FaultState;
  #inside = false;

  constructor(spec: HostedSpec, options: { readonly seed: number; readonly index: number; readonly detail: "first-token" | "tokens" }) {
    this.#spec = spec;
    this.#seed = options.seed;
    this.#index = options.index;
    this.#everyToken = options.detail === "tokens";
    this.#firstToken = logNormalOf(spec.firstToken);
    this.#perToken = logNormalOf(spec.perToken);
    this.#quota = makeQuota(spec.quota);
    this.#fault = this.#withSteady(healthy);
  }

  handle(event: EndpointEvent, now: Instant, out: Out<EndpointCommand>): void {
    this.#enter();
    this.#advance(now, false, out);
    switch (event.kind) {
      case "call-received":
        this.#receive(event, now, out);
        break;
      case "call-aborted":
        this.#cut(event.call, this.#fault.slowdown, now, out);
        break;
      case "fault-changed":
        this.#changeFault(this.#withSteady(event.fault), now, out);
        break;
    }
    this.#inside = false;
  }

  wake(now: Instant, out: Out<EndpointCommand>): void {
    this.#enter();
    this.#advance(now, true, out);
    this.#inside = false;
  }

  nextDeadline(): Instant {
    return this.#deadlines.least as Instant;
  }

  /** A hosted API shows nothing but the calls it has accepted, and what is left of the quota. */
  observe(now: Instant): EndpointSignals {
    return { ...idleSignals, running: this.#deadlines.count, quota: quotaState(this.#quota, now) };
  }

  #enter(): void {
    if (this.#inside) throw new Error("HostedProvider was re-entered: drivers queue what happens while commands are carried out");
    this.#inside = true;
  }

  #withSteady(fault: FaultState): FaultState {
    const { errorRate = 0, overloadRate = 0, cutRate = 0 } = this.#spec;
    return {
      ...fault,
      errorRate: either(errorRate, fault.errorRate),
      overloadRate: either(overloadRate, fault.overloadRate),
      cutRate: either(cutRate, fault.cutRate),
    };
  }

  #advance(limit: Instant, inclusive: boolean, out: Out<EndpointCommand>): void {
    for (;;) {
      const at = this.nextDeadline();
      if (inclusive ? at > limit : at >= limit) return;
      this.#proceed(leastId(this.#deadlines) as CallId, at, out);
    }
  }

  #receive(received: CallReceived, now: Instant, out: Out<EndpointCommand>): void {
    const { call, inputTokens, outputTokensMax, answers = 1 } = received;
    const refuse = (failure: FailureKind, retryAfter: Duration | null = null): void => out.emit({ kind: "refuse-call", call, failure, retryAfter }, now);
    if (this.#fault.down) {
      refuse("connect-failed");
      return;
    }
    if (inputTokens >= (this.#spec.contextTokens ?? Infinity)) {
      refuse("context-exceeded");
      return;
    }
    const quota = takeQuota(this.#quota, inputTokens + outputTokensMax * answers, now);
    if (quota.kind === "refused") {
      refuse("rate-limited", quota.retryAfter === null ? null : seconds(Math.ceil(quota.retryAfter / seconds(1))));
      return;
    }
    const failure = faultRefusal(this.#fault, this.#seed, received.serial, this.#index) ?? this.#shortOfResources(received) ?? this.#filtered(received.serial);
    if (failure !== null) {
      releaseQuota(this.#quota);
      refuse(failure);
      return;
    }
    while (this.#calls.length <= call) this.#calls.push(null);
    const accepted = this.#accept(received, now);
    this.#calls[call] = accepted;
    this.#schedule(call, accepted);
  }

  /** The batch tier has nothing left for it. */
  #shortOfResources({ batch, serial }: CallReceived): FailureKind | null {
    const { refusedRate } = this.#tierOf(batch);
    return refusedRate > 0 && keyedUnit(this.#seed, batchRefusalPurpose, serial, this.#index) < refusedRate ? "rate-limited" : null;
  }

  #tierOf(batch: boolean | undefined): BatchTierSpec {
    return batch === true ? (this.#spec.batch ?? atOnce) : atOnce;
  }

  #filtered(serial: number): FailureKind | null {
    const { filteredRate = 0 } = this.#spec;
    return filteredRate > 0 && keyedUnit(this.#seed, filterPurpose, serial, this.#index) < filteredRate ? "content-filtered" : null;
  }

  #accept(received: CallReceived, now: Instant): HostedCall {
    const { serial, inputTokens, outputTokens, outputTokensMax, batch } = received;
    const tier = this.#tierOf(batch);
    const length = Math.max(1, Math.min(outputTokens, outputTokensMax));
    const cutAfter = cutAfterTokens(this.#fault, this.#seed, serial, this.#index, length);
    const factor = factorAt(this.#spec.timeOfDay, now);
    const draw = (distribution: LogNormal, purpose: number, times: number): Duration => {
      const drawn = drawLatency(distribution, this.#seed, purpose, serial, this.#index);
      return (times === 1 ? drawn : Math.max(1, Math.floor(drawn * times + 0.5))) as Duration;
    };
    return {
      inputTokens,
      outputTokens: cutAfter ?? length,
      ends: cutAfter !== null ? "cut" : outputTokens < outputTokensMax ? "stop" : "length",
      first: draw(this.#firstToken, firstTokenPurpose, factor * tier.firstTokenFactor),
      perToken: draw(this.#perToken, perTokenPurpose, factor * tier.perTokenFactor * this.#crawl(serial)),
      emitted: 0,
      worked: 0,
      pacedAt: now,
    };
  }

  #crawl(serial: number): number {
    const slow = this.#spec.slowStreams;
    return slow !== undefined && keyedUnit(this.#seed, slowPurpose, serial, this.#index) < slow.rate ? slow.factor : 1;
  }

  #schedule(id: CallId, call: HostedCall): void {
    const next = this.#everyToken || call.emitted === 0 ? call.emitted : call.outputTokens - 1;
    setKey(this.#deadlines, id, tokenDueAt(call, next, this.#fault.slowdown));
  }

  #proceed(id: CallId, at: Instant, out: Out<EndpointCommand>): void {
    const call = this.#calls[id];
    if (call === null || call === undefined) throw new Error(`deadline of call ${id}, which is not running`);
    if (this.#everyToken || call.emitted === 0) {
      out.emit({ kind: "emit-tokens", call: id, from: call.emitted, count: 1 }, at);
      call.emitted += 1;
    } else call.emitted = call.outputTokens;
    if (call.emitted < call.outputTokens) {
      this.#schedule(id, call);
      return;
    }
    this.#forget(id);
    const usage = usageOf(call, call.outputTokens);
    out.emit(call.ends === "cut" ? { kind: "cut-call", call: id, usage } : { kind: "end-call", call: id, reason: call.ends, usage }, at);
  }

  #changeFault(fault: FaultState, now: Instant, out: Out<EndpointCommand>): void {
    const before = this.#fault;
    this.#fault = fault;
    for (let id = 0; id < this.#calls.length; id += 1) {
      const call = this.#calls[id] ?? null;
      if (call === null) continue;
      const callId = id as CallId;
      if (fault.down) {
        this.#cut(callId, before.slowdown, now, out);
      } else if (fault.slowdown !== before.slowdown) {
        changePace(call, now, before.slowdown);
        this.#schedule(callId, call);
      }
    }
  }

  /** The connection breaks, from either side. What had left until then was worked off at `slowdown`. */
  #cut(id: CallId, slowdown: number, now: Instant, out: Out<EndpointCommand>): void {
    const call = this.#calls[id] ?? null;
    if (call === null) return;
    const usage = usageOf(call, tokensBefore(call, now, slowdown));
    this.#forget(id);
    out.emit({ kind: "cut-call", call: id, usage }, now);
  }

  #forget(id: CallId): void {
    if (hasKey(this.#deadlines, id)) removeKey(this.#deadlines, id);
    this.#calls[id] = null;
    releaseQuota(this.#quota);
  }
}
