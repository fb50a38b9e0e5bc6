import type { IndexedHeap } from "../../../router/core/indexed-heap.ts";
import { heapHas, heapRemove, heapSet, heapTopId, heapTopKey, makeHeap } from "../../../router/core/indexed-heap.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import type { Usage } from "../../../router/core/messages.ts";
import { purposeOf } from "../../../router/core/random.ts";
import { seconds } from "../../../router/core/time.ts";
import type { HostedSpec } from "../compiled-scenario.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals, FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";
import { faultRefusal } from "../endpoint/refusal.ts";
import type { LogNormal } from "./log-normal.ts";
import { drawLatency, logNormalOf } from "./log-normal.ts";
import type { MinuteBucket } from "./minute-bucket.ts";
import { fillBucket, makeMinuteBucket, waitFor } from "./minute-bucket.ts";

/**
 * A hosted API as a distribution and a quota. Time to first token and time per token are log-normal, one draw each per request, keyed by its serial.
 * The quota counts a request and its prompt plus its cap on output at admission, as OpenAI's and Azure's documents describe; a refusal's Retry-After is
 * the time after which the same call would pass if nobody else came, rounded up to whole seconds (the header's unit); null when it never would.
 *
 * A call's work is measured in microseconds at full speed: token k is due at `first + k x perToken` of work. A slowdown changes the pace of all running
 * calls from its instant on; instants are found from the same work in both details, so "tokens" and "first-token" end calls alike.
 */
type CallReceived = Extract<EndpointEvent, { kind: "call-received" }>;

interface HostedCall {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly reason: "stop" | "length";
  /** Microseconds of work. */
  readonly first: Duration;
  readonly perToken: Duration;
  emitted: number;
  /** Work done at `pacedAt`; from then on one microsecond of work takes the provider's slowdown. */
  worked: number;
  pacedAt: Instant;
}

const firstTokenPurpose = purposeOf("hosted-first-token");
const perTokenPurpose = purposeOf("hosted-per-token");

export class HostedProvider implements EndpointModel {
  readonly #seed: number;
  readonly #index: number;
  readonly #everyToken: boolean;
  readonly #firstToken: LogNormal;
  readonly #perToken: LogNormal;
  readonly #requests: MinuteBucket | null;
  readonly #tokens: MinuteBucket | null;
  readonly #deadlines: IndexedHeap = makeHeap();
  /** By call id. */
  readonly #calls: (HostedCall | null)[] = [];
  #fault: FaultState = healthy;
  #inside = false;

  constructor(spec: HostedSpec, options: { readonly seed: number; readonly index: number; readonly detail: "first-token" | "tokens" }) {
    this.#seed = options.seed;
    this.#index = options.index;
    this.#everyToken = options.detail === "tokens";
    this.#firstToken = logNormalOf(spec.firstToken);
    this.#perToken = logNormalOf(spec.perToken);
    this.#requests = spec.quota === null ? null : makeMinuteBucket(spec.quota.requestsPerMinute);
    this.#tokens = spec.quota === null ? null : makeMinuteBucket(spec.quota.tokensPerMinute);
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
        this.#changeFault(event.fault, now, out);
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
    return heapTopKey(this.#deadlines) as Instant;
  }

  /** A hosted API shows nothing but the calls it has accepted. */
  observe(): EndpointSignals {
    return { running: this.#deadlines.ids.length, waiting: 0, kvUsed: 0, preemptions: 0, steps: 0, stepsOutsideRange: 0, busy: 0 as Duration };
  }

  #enter(): void {
    if (this.#inside) throw new Error("HostedProvider was re-entered: drivers queue what happens while commands are carried out");
    this.#inside = true;
  }

  #advance(limit: Instant, inclusive: boolean, out: Out<EndpointCommand>): void {
    for (;;) {
      const at = this.nextDeadline();
      if (inclusive ? at > limit : at >= limit) return;
      this.#proceed(heapTopId(this.#deadlines) as CallId, at, out);
    }
  }

  #receive(received: CallReceived, now: Instant, out: Out<EndpointCommand>): void {
    const { call } = received;
    if (this.#fault.down) {
      out.emit({ kind: "refuse-call", call, failure: "connect-failed", retryAfter: null }, now);
      return;
    }
    const wait = this.#takeQuota(received, now);
    if (wait !== 0) {
      const retryAfter = wait === null ? null : seconds(Math.ceil(wait / seconds(1)));
      out.emit({ kind: "refuse-call", call, failure: "rate-limited", retryAfter }, now);
      return;
    }
    const failure = faultRefusal(this.#fault, this.#seed, received.serial, this.#index);
    if (failure !== null) {
      out.emit({ kind: "refuse-call", call, failure, retryAfter: null }, now);
      return;
    }
    while (this.#calls.length <= call) this.#calls.push(null);
    const accepted = this.#accept(received, now);
    this.#calls[call] = accepted;
    this.#schedule(call, accepted);
  }

  #accept(received: CallReceived, now: Instant): HostedCall {
    const { serial, inputTokens, outputTokens, outputTokensMax } = received;
    return {
      inputTokens,
      outputTokens: Math.max(1, Math.min(outputTokens, outputTokensMax)),
      reason: outputTokens < outputTokensMax ? "stop" : "length",
      first: drawLatency(this.#firstToken, this.#seed, firstTokenPurpose, serial, this.#index),
      perToken: drawLatency(this.#perToken, this.#seed, perTokenPurpose, serial, this.#index),
      emitted: 0,
      worked: 0,
      pacedAt: now,
    };
  }

  /** 0: taken. Otherwise nothing was taken, and it is the wait until it could be; null when it never could. */
  #takeQuota(received: CallReceived, now: Instant): Duration | null {
    const requests = this.#requests;
    const tokens = this.#tokens;
    if (requests === null || tokens === null) return 0 as Duration;
    fillBucket(requests, now);
    fillBucket(tokens, now);
    const amount = received.inputTokens + received.outputTokensMax;
    const requestWait = waitFor(requests, 1);
    const tokenWait = waitFor(tokens, amount);
    if (requestWait === null || tokenWait === null) return null;
    const wait = Math.max(requestWait, tokenWait) as Duration;
    if (wait === 0) {
      requests.level -= 1;
      tokens.level -= amount;
    }
    return wait;
  }

  #schedule(id: CallId, call: HostedCall): void {
    const next = this.#everyToken || call.emitted === 0 ? call.emitted : call.outputTokens - 1;
    heapSet(this.#deadlines, id, dueAt(call, next, this.#fault.slowdown));
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
    out.emit({ kind: "end-call", call: id, reason: call.reason, usage: usageOf(call.inputTokens, call.outputTokens) }, at);
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
        call.worked += (now - call.pacedAt) / before.slowdown;
        call.pacedAt = now;
        this.#schedule(callId, call);
      }
    }
  }

  /** The connection breaks, from either side. What had left until then was worked off at `slowdown`. */
  #cut(id: CallId, slowdown: number, now: Instant, out: Out<EndpointCommand>): void {
    const call = this.#calls[id] ?? null;
    if (call === null) return;
    const output = tokensBefore(call, now, slowdown);
    this.#forget(id);
    out.emit({ kind: "cut-call", call: id, usage: usageOf(output === 0 ? 0 : call.inputTokens, output) }, now);
  }

  #forget(id: CallId): void {
    if (heapHas(this.#deadlines, id)) heapRemove(this.#deadlines, id);
    if (id < this.#calls.length) this.#calls[id] = null;
  }
}

/** @param token from 0 */
function dueAt(call: HostedCall, token: number, slowdown: number): Instant {
  const work = call.first + token * call.perToken - call.worked;
  return (call.pacedAt + Math.max(0, Math.ceil(work * slowdown))) as Instant;
}

/** Tokens that left before `now`, whether or not they were reported. */
function tokensBefore(call: HostedCall, now: Instant, slowdown: number): number {
  const worked = call.worked + (now - call.pacedAt) / slowdown;
  let tokens = Math.max(0, Math.min(call.outputTokens, Math.floor((worked - call.first) / call.perToken)));
  while (tokens < call.outputTokens && dueAt(call, tokens, slowdown) < now) tokens += 1;
  return tokens;
}

function usageOf(input: number, output: number): Usage {
  return { input, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 };
}
