import type { Instant, Out } from "../../../router/core/machine.ts";
import type { DisaggregationSpec, EngineSpec } from "../../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, SequenceId } from "../../../simulator/core/engine/engine.ts";
import { createPlainRequest } from "../../../simulator/core/engine/plain/plain-request.ts";
import type { PlainRequest } from "../../../simulator/core/engine/plain/plain-request.ts";
import { submissionOf } from "../../../simulator/core/engine/submission.ts";
import { BusyLoop } from "./busy-loop.ts";
import { machineOf, rulesOf, signalsOf } from "./second-form.ts";
import type { PlayedEngine, SeenSignals } from "./second-form.ts";

type Submitted = Extract<EngineEvent, { kind: "sequence-submitted" }>;

/** The proxy's view of a request: two requests, one after the other. */
interface Proxied {
  readonly event: Submitted;
  readonly prefill: BusyLoop;
  readonly decode: Decoding;
  /** Its KV in the prefill engine, kept there until it has been read. */
  left: PlainRequest | null;
  isDecoding: boolean;
  preemptions: number;
}

/** A decode engine, and the one connection into it. */
interface Decoding {
  readonly loop: BusyLoop;
  readonly incoming: { readonly id: SequenceId; readonly proxied: Proxied; readonly until: number }[];
}

/**
 * Disaggregated prefill, told a second time, from the proxy's side: each request is sent to the next prefill engine for a single token, and with what came of it to the next
 * decode engine; that one asks for the KV that it lacks once it has blocks for all of it; one connection into each decode engine carries one answer after the other, each in
 * latency + bytes / bandwidth. (vLLM docs/features/disagg_prefill.md, nixl_connector_usage.md.)
 */
export class DisaggregatedForm implements PlayedEngine {
  readonly #spec: EngineSpec;
  readonly #wire: DisaggregationSpec;
  readonly #detail: "first-token" | "tokens";
  #prefills: readonly BusyLoop[] = [];
  #decodes: readonly Decoding[] = [];
  readonly #proxied = new Map<SequenceId, Proxied>();
  #sent = 0;
  #out: Out<EngineCommand> = { emit: () => {} };

  constructor(spec: EngineSpec, wire: DisaggregationSpec, detail: "first-token" | "tokens") {
    this.#spec = spec;
    this.#wire = wire;
    this.#detail = detail;
    this.#startEngines(1);
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#out = out;
    this.#settle(now - 1);
    if (event.kind === "sequence-submitted") this.#send(event, now);
    else if (event.kind === "sequence-aborted") this.#abort(event.id, now);
    else if (event.kind === "speed-changed") for (const loop of this.#loops()) loop.speed = event.factor;
    else this.#crash(now);
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#out = out;
    this.#settle(now);
  }

  nextDeadline(): Instant {
    const arrivals = this.#decodes.map(({ incoming }) => incoming[0]?.until ?? Infinity);
    return Math.min(...arrivals, ...this.#loops().map(({ wakesAt }) => wakesAt)) as Instant;
  }

  observe(now: Instant): SeenSignals {
    return signalsOf(this.#loops(), this.#spec, now);
  }

  outputTokensOf(id: SequenceId): number {
    const proxied = this.#proxied.get(id);
    return proxied?.isDecoding === true ? (proxied.decode.loop.requests.get(id)?.outputs ?? 0) : 0;
  }

  #loops(): readonly BusyLoop[] {
    return [...this.#prefills, ...this.#decodes.map(({ loop }) => loop)];
  }

  /** Of one instant: what has been carried over, then the prefill engines, then the decode engines. */
  #settle(limit: number): void {
    for (let at = this.nextDeadline(); at <= limit; at = this.nextDeadline()) {
      for (const decode of this.#decodes) {
        while (decode.incoming[0] !== undefined && decode.incoming[0].until <= at) this.#receive(decode, at);
      }
      for (const loop of this.#loops()) while (loop.wakesAt <= at) loop.comeRound();
    }
  }

  #send(event: Submitted, now: number): void {
    const prefill = this.#prefills[this.#sent % this.#prefills.length];
    const decode = this.#decodes[this.#sent % this.#decodes.length];
    this.#sent++;
    if (prefill === undefined || decode === undefined) return;
    this.#proxied.set(event.id, { event, prefill, decode, left: null, isDecoding: false, preemptions: 0 });
    prefill.submit(createPlainRequest(submissionOf({ ...event, outputTokens: 1, outputTokensMax: 1 }, this.#spec.modelTokensMax), "leaves"), now);
  }

  #sendOn(proxied: Proxied, left: PlainRequest, at: number): void {
    proxied.left = left;
    proxied.isDecoding = true;
    proxied.decode.loop.submit(createPlainRequest(submissionOf(proxied.event, this.#spec.modelTokensMax), "comes"), at);
  }

  #carry(decode: Decoding, id: SequenceId, tokens: number, at: number): void {
    const proxied = this.#proxied.get(id);
    const us = Math.max(1, Math.ceil(this.#wire.latencyUs + (tokens * this.#wire.kvBytesPerToken * 1_000_000) / this.#wire.bytesPerSecond));
    if (proxied !== undefined) decode.incoming.push({ id, proxied, until: Math.max(at, decode.incoming.at(-1)?.until ?? 0) + us });
  }

  #receive({ incoming, loop }: Decoding, at: number): void {
    const first = incoming.shift();
    if (first === undefined || this.#proxied.get(first.id) !== first.proxied) return;
    this.#forget(first.proxied, at);
    const request = loop.requests.get(first.id);
    if (request?.status === "loading") loop.ranks[0]?.load(request);
    loop.nudge(at);
  }

  /** The prefill engine may use the blocks again. */
  #forget(proxied: Proxied, at: number): void {
    if (proxied.left !== null) proxied.prefill.ranks[0]?.letGo(proxied.left);
    proxied.left = null;
    proxied.prefill.nudge(at);
  }

  #abort(id: SequenceId, now: number): void {
    const proxied = this.#proxied.get(id);
    if (proxied !== undefined) (proxied.isDecoding ? proxied.decode.loop : proxied.prefill).abort(id, now);
  }

  #crash(now: Instant): void {
    for (const [id, { isDecoding, decode, prefill, preemptions }] of this.#inEngineOrder()) {
      const request = (isDecoding ? decode.loop : prefill).requests.get(id);
      const outputTokens = isDecoding ? (request?.outputs ?? 0) : 0;
      const all = preemptions + (request?.preemptions ?? 0);
      this.#out.emit({ kind: "end-sequence", id, reason: "error", outputTokens, preemptions: all }, now);
    }
    this.#proxied.clear();
    this.#startEngines(this.#loops()[0]?.speed ?? 1);
  }

  /** Engine by engine, in each by the requests' numbers. */
  #inEngineOrder(): [SequenceId, Proxied][] {
    const loops = this.#loops();
    const placeOf = ({ isDecoding, decode, prefill }: Proxied): number => loops.indexOf(isDecoding ? decode.loop : prefill);
    return [...this.#proxied].toSorted(([one, at], [other, there]) => placeOf(at) - placeOf(there) || one - other);
  }

  #startEngines(speed: number): void {
    this.#prefills = Array.from({ length: this.#wire.prefillEngines }, (_, part) => this.#prefillEngine(part));
    this.#decodes = Array.from({ length: this.#wire.decodeEngines }, (_, place) => this.#decodeEngine(this.#wire.prefillEngines + place));
    for (const loop of this.#loops()) loop.speed = speed;
  }

  #prefillEngine(part: number): BusyLoop {
    const loop: BusyLoop = new BusyLoop(1, rulesOf(this.#spec), machineOf(this.#spec, part), {
      started: ({ id }, cachedTokens) => this.#out.emit({ kind: "start-sequence", id: id as SequenceId, cachedTokens }, loop.now as Instant),
      tokens: () => {},
      ended: (request, reason) => {
        const id = request.id as SequenceId;
        const proxied = this.#proxied.get(id);
        if (proxied === undefined) return;
        proxied.preemptions += request.preemptions;
        if (reason !== "abort") this.#sendOn(proxied, request, loop.now);
        else this.#end(id, reason, 0, proxied.preemptions, loop.now);
      },
      wanted: () => {},
    });
    return loop;
  }

  #decodeEngine(part: number): Decoding {
    const loop: BusyLoop = new BusyLoop(1, rulesOf(this.#spec), machineOf(this.#spec, part), {
      started: () => {},
      tokens: ({ id, outputs }, count) => {
        const from = outputs - count;
        if (this.#detail === "tokens" || from === 0) this.#out.emit({ kind: "emit-tokens", id: id as SequenceId, from, count }, loop.now as Instant);
      },
      ended: ({ id, outputs, preemptions }, reason) => {
        const proxied = this.#proxied.get(id as SequenceId);
        if (proxied === undefined) return;
        if (reason === "abort") this.#forget(proxied, loop.now);
        this.#end(id as SequenceId, reason, outputs, proxied.preemptions + preemptions, loop.now);
      },
      wanted: ({ id }, tokens) => this.#carry(decoding, id as SequenceId, tokens, loop.now),
    });
    const decoding: Decoding = { loop, incoming: [] };
    return decoding;
  }

  #end(id: SequenceId, reason: "stop" | "length" | "abort", outputTokens: number, preemptions: number, at: number): void {
    this.#proxied.delete(id);
    this.#out.emit({ kind: "end-sequence", id, reason, outputTokens, preemptions }, at as Instant);
  }
}
