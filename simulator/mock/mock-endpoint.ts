import type { ServerResponse } from "node:http";
import { performance, type RecordableHistogram } from "node:perf_hooks";
import { RealtimeDriver } from "../../router/drivers/realtime-driver.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { EndpointModelSpec } from "../core/compiled-scenario.ts";
import { createEndpoint } from "../core/create-endpoint.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, FaultState } from "../core/endpoint.ts";
import { healthy } from "../core/endpoint.ts";
import { AcknowledgingEndpoint, type MockCommand } from "./acknowledging-endpoint.ts";
import type { ChatBody } from "./chat-body.ts";
import type { HttpRefusal } from "./http-refusal.ts";
import { type MockDialect, type MockRefusal, noHeaders } from "./dialects/mock-dialect.ts";
import { mockDialectOf } from "./dialects/mock-dialects.ts";
import { badRequest } from "./http-refusal.ts";
import { MockCall } from "./mock-call.ts";
import { drawOutputTokens } from "./output-length.ts";
import { VllmMetrics } from "./vllm/vllm-metrics.ts";

export interface MockEndpointOptions {
  /** Its place in the configuration. */
  readonly index: number;
  readonly deployment: string;
  readonly provider: string;
  /** Upstream model name. */
  readonly model: string;
  readonly spec: EndpointModelSpec;
  readonly seed: number;
  /** Whether the line to it may ever be faulty. */
  readonly line: boolean;
  /** For calls that do not say which arrival they are. */
  readonly nextSerial: () => number;
  /** Microseconds by which tokens left later than the model says. */
  readonly lateness: RecordableHistogram;
}

/** A hosted API's cap where the caller gives none. */
const hostedOutputTokensMax = 4_096;
const rankOf: Readonly<Record<EndpointEvent["kind"], number>> = { "fault-changed": 0, "call-aborted": 0, "call-received": 1 };

/** One endpoint of the fleet: the simulator's model on the wall clock, its commands written to the callers. */
export class MockEndpoint {
  readonly index: number;
  readonly deployment: string;
  readonly model: string;
  /** Tokens; null: no limit of its own. */
  readonly modelTokensMax: number | null;
  readonly dialect: MockDialect;
  readonly #isVllm: boolean;
  readonly #machine: EndpointModel;
  readonly #contextTokens: number;
  readonly #seed: number;
  readonly #nextSerial: () => number;
  readonly #lateness: RecordableHistogram;
  readonly #driver: RealtimeDriver<EndpointEvent, MockCommand>;
  /** By call id. */
  readonly #calls: (MockCall | null)[] = [];
  readonly #freeCalls: number[] = [];
  /** Null: no vLLM server. */
  readonly #metrics: VllmMetrics | null;
  readonly #spoken = new Set<MockCall>();
  #fault: FaultState = healthy;
  #callCount = 0;

  constructor(options: MockEndpointOptions) {
    this.index = options.index;
    this.deployment = options.deployment;
    this.model = options.model;
    this.#contextTokens = (options.spec.kind === "hosted" ? options.spec.contextTokens : undefined) ?? 0;
    this.dialect = mockDialectOf(options.provider);
    this.#isVllm = options.spec.kind === "vllm";
    this.#metrics = this.#isVllm ? new VllmMetrics(options.model) : null;
    this.modelTokensMax = options.spec.kind === "vllm" ? options.spec.engine.modelTokensMax : null;
    this.#seed = options.seed;
    this.#nextSerial = options.nextSerial;
    this.#lateness = options.lateness;
    this.#machine = createEndpoint(options.spec, { seed: options.seed, index: options.index, detail: "tokens", line: options.line });
    this.#driver = new RealtimeDriver(new AcknowledgingEndpoint(this.#machine), {
      rank: (event) => rankOf[event.kind],
      carryOut: (command, at) => this.#carryOut(command, at),
    });
  }

  get isDown(): boolean {
    return this.#fault.down;
  }

  /** Calls that are open. */
  get load(): number {
    return this.#calls.length - this.#freeCalls.length;
  }

  /** Prometheus' text; null: it is no vLLM server. */
  metrics(): string | null {
    return this.#metrics?.exposition(this.#machine.observe(this.#driver.now())) ?? null;
  }

  receive(body: ChatBody, response: ServerResponse): void {
    const outputTokensMax = body.outputTokensMax ?? this.#defaultCap(body);
    this.#callCount += 1;
    const id = `chatcmpl-${this.index}-${this.#callCount.toString(16).padStart(12, "0")}`;
    const form = this.dialect.form({ id, createdSeconds: Math.floor(Date.now() / 1000), model: this.model }, body);
    const call = new MockCall(body, response, form, () => this.#quotaHeaders());
    const refusal = this.#capRefusal(body.capField, outputTokensMax);
    if (refusal !== null) {
      call.refuse(refusal);
      return;
    }
    const slot = (this.#freeCalls.pop() ?? this.#calls.length) as CallId;
    this.#calls[slot] = call;
    response.on("close", () => this.#leave(slot, call));
    const serial = body.serial ?? this.#nextSerial();
    const drawn = body.exactLength ? outputTokensMax : drawOutputTokens(this.#seed, serial);
    this.#driver.submit({
      kind: "call-received",
      call: slot,
      serial,
      inputTokens: body.inputTokens,
      blocks: null,
      outputTokens: Math.max(body.outputTokensMin, drawn),
      outputTokensMax,
      priority: 0,
      ...(body.batch === true ? { batch: true } : {}),
    });
  }

  changeFault(fault: FaultState): void {
    this.#fault = fault;
    this.#driver.submit({ kind: "fault-changed", fault });
  }

  stop(): void {
    this.#driver.stop();
  }

  #quotaHeaders(): readonly string[] {
    const quota = this.#machine.observe(this.#driver.now()).quota ?? null;
    return quota === null ? noHeaders : this.dialect.quotaHeaders(quota);
  }

  #defaultCap(body: ChatBody): number {
    return this.modelTokensMax === null ? hostedOutputTokensMax : Math.max(1, this.modelTokensMax - body.inputTokens);
  }

  #capRefusal(field: ChatBody["capField"], outputTokensMax: number): HttpRefusal | null {
    if (this.modelTokensMax === null || outputTokensMax <= this.modelTokensMax) return null;
    const text = `${field}=${outputTokensMax} cannot be greater than max_model_len=${this.modelTokensMax}. Please request fewer output tokens.`;
    return badRequest(`${text} (parameter=${field}, value=${outputTokensMax})`, field);
  }

  /** The client is gone, unless the call is over. Its slot is kept until the model has answered the abort. */
  #leave(id: CallId, call: MockCall): void {
    if (this.#calls[id] !== call) return;
    call.leave();
    this.#driver.submit({ kind: "call-aborted", call: id });
  }

  #forget(id: CallId): void {
    this.#calls[id] = null;
    this.#freeCalls.push(id);
  }

  #carryOut(command: MockCommand, at: Instant): void {
    const call = this.#calls[command.call] ?? null;
    if (call === null) return;
    switch (command.kind) {
      case "call-accepted":
        if (this.#isVllm) call.sendHeaders();
        return;
      case "emit-tokens":
        this.#lateness.record(Math.max(1, this.#driver.now() - at));
        call.addTokens(command.count);
        this.#metrics?.tokensLeft(call.measured, command.count, performance.now());
        this.#speakLater(call);
        return;
      case "end-call":
        this.#forget(command.call);
        call.end(command.reason, command.usage);
        this.#metrics?.ended(call.measured, command.reason, command.usage, performance.now());
        this.#speakLater(call);
        return;
      case "refuse-call":
        this.#forget(command.call);
        this.#refuse(call, command);
        return;
      case "cut-call":
        this.#forget(command.call);
        call.breakConnection();
        return;
    }
  }

  #refuse(call: MockCall, command: Extract<EndpointCommand, { kind: "refuse-call" }>): void {
    const { failure, retryAfter } = command;
    const refusal = (why: MockRefusal): HttpRefusal => this.dialect.refusal(why);
    const { inputTokens } = call.body;
    if (failure === "connect-failed") call.breakConnection();
    else if (failure === "rate-limited") call.refuse(refusal({ kind: failure, retryAfterSeconds: retryAfter === null ? null : retryAfter / 1_000_000 }));
    else if (failure === "context-exceeded") call.refuse(refusal({ kind: failure, tokensMax: this.modelTokensMax ?? this.#contextTokens, inputTokens }));
    else if (failure === "overloaded" && this.#metrics !== null) {
      this.#metrics.rejected();
      call.refuse(refusal({ kind: failure }));
    } else if (failure === "content-filtered") call.refuse(refusal({ kind: failure }));
    else call.refuse(refusal({ kind: failure === "overloaded" ? failure : "server-error" }));
  }

  /** After the pass: the commands of one instant belong into one write. */
  #speakLater(call: MockCall): void {
    if (this.#spoken.size === 0) queueMicrotask(() => this.#speak());
    this.#spoken.add(call);
  }

  #speak(): void {
    const calls = [...this.#spoken];
    this.#spoken.clear();
    for (const call of calls) call.flush();
  }
}
