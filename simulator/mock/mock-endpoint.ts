import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { performance, type RecordableHistogram } from "node:perf_hooks";
import type { HostTimers } from "../../router/drivers/host-timers.ts";
import { RealtimeDriver } from "../../router/drivers/realtime-driver.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { EndpointModelSpec } from "../core/compiled-scenario.ts";
import { createEndpoint } from "../core/create-endpoint.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, FaultState } from "../core/endpoint.ts";
import { healthy } from "../core/endpoint.ts";
import { AcknowledgingEndpoint, type MockCommand } from "./acknowledging-endpoint.ts";
import { type AnswerScript, answerScript, plainVocabulary } from "./answer-script.ts";
import { type CallNames, type ChoicesForm, type MockDialect, type MockOperation, type MockRefusal, noHeaders, oneSequence } from "./dialects/mock-dialect.ts";
import { mockDialectOf } from "./dialects/mock-dialects.ts";
import type { HttpRefusal } from "./http-refusal.ts";
import type { MockBody, MockSequence } from "./mock-body.ts";
import { MockCall } from "./mock-call.ts";
import { drawOutputTokens } from "./output-length.ts";
import { promptBlocks } from "./prompt-tokens.ts";
import { cacheInfoLines } from "./vllm/cache-info.ts";
import { loadHeader } from "./vllm/load-header.ts";
import { QueueLimits, type QueuedSequence } from "./vllm/queue-limits.ts";
import { VllmMetrics } from "./vllm/vllm-metrics.ts";
import type { VllmOptions } from "./vllm/vllm-options.ts";
import { writeRefusal } from "./write-answer.ts";

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
  /** One dialect for all vLLM servers of a fleet, and how they were started. */
  readonly vllm: { readonly dialect: MockDialect; readonly options: VllmOptions };
  /** Null: the event loop's. */
  readonly time: MockTime | null;
}

/** The clock that the models go by. */
export interface MockTime {
  readonly clock: () => Instant;
  readonly timers: HostTimers;
}

/** One of a call's sequences, as the model has it. */
interface WorkedOn extends QueuedSequence {
  readonly call: MockCall;
  readonly sequence: number;
}

function formOf(operation: MockOperation, names: CallNames, body: MockBody, scripts: readonly AnswerScript[]): ChoicesForm {
  const [script] = scripts;
  if (script === undefined) throw new Error("a call without a sequence");
  return scripts.length > 1 && operation.choices !== undefined ? operation.choices(names, body, scripts) : oneSequence(operation.form(names, body, script));
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
  /** Null: it is no vLLM server. */
  readonly #vllm: VllmOptions | null;
  /** Of the engine's prefix cache; 0: there is none. */
  readonly #blockTokens: number;
  readonly #machine: EndpointModel;
  readonly #contextTokens: number;
  readonly #seed: number;
  readonly #nextSerial: () => number;
  readonly #lateness: RecordableHistogram;
  readonly #driver: RealtimeDriver<EndpointEvent, MockCommand>;
  /** By call id of the model: what it works on, one of a call's sequences. */
  readonly #calls: (WorkedOn | null)[] = [];
  readonly #freeCalls: number[] = [];
  /** Null: no vLLM server. */
  readonly #metrics: VllmMetrics | null;
  readonly #queue: QueueLimits;
  /** Calls that are not over, and how many of their sequences are not. */
  readonly #open = new Map<MockCall, number>();
  readonly #spoken = new Set<MockCall>();
  #fault: FaultState = healthy;
  #callCount = 0;

  constructor(options: MockEndpointOptions) {
    this.index = options.index;
    this.deployment = options.deployment;
    this.model = options.model;
    this.#contextTokens = (options.spec.kind === "hosted" ? options.spec.contextTokens : undefined) ?? 0;
    this.dialect = mockDialectOf(options.provider, options.vllm.dialect);
    this.#vllm = options.spec.kind === "vllm" ? options.vllm.options : null;
    this.#blockTokens = options.spec.kind === "vllm" ? options.spec.engine.blockTokens : 0;
    this.#metrics = options.spec.kind === "vllm" ? new VllmMetrics(options.model, cacheInfoLines(options.spec)) : null;
    this.#queue = new QueueLimits(this.#vllm);
    this.modelTokensMax = options.spec.kind === "vllm" ? options.spec.engine.modelTokensMax : null;
    this.#seed = options.seed;
    this.#nextSerial = options.nextSerial;
    this.#lateness = options.lateness;
    this.#machine = createEndpoint(options.spec, { seed: options.seed, index: options.index, detail: "tokens", line: options.line });
    this.#driver = new RealtimeDriver(new AcknowledgingEndpoint(this.#machine), {
      rank: (event) => rankOf[event.kind],
      carryOut: (command, at) => this.#carryOut(command, at),
      ...options.time,
    });
  }

  get isDown(): boolean {
    return this.#fault.down;
  }

  /** Calls that are open. */
  get load(): number {
    return this.#open.size;
  }

  /** Prometheus' text; null: it is no vLLM server. */
  metrics(): string | null {
    return this.#metrics?.exposition(this.#machine.observe(this.#driver.now())) ?? null;
  }

  receive(body: MockBody, operation: MockOperation, headers: IncomingHttpHeaders, response: ServerResponse): void {
    const mistake = body.check?.(this) ?? null;
    if (mistake !== null) {
      writeRefusal(response, mistake);
      return;
    }
    const serial = body.serial ?? this.#nextSerial();
    const parts = body.sequences ?? [{ prompt: 0, texts: body.texts, inputTokens: body.inputTokens }];
    const scripts = parts.map((_, choice) => this.#script(body, serial, choice));
    this.#callCount += 1;
    const id = body.wishes.requestId ?? `${this.index}-${this.#callCount.toString(16).padStart(12, "0")}`;
    const names = { id, createdSeconds: Math.floor(Date.now() / 1000), model: this.model, blockTokens: this.#blockTokens };
    const call = new MockCall(body, response, operation, formOf(operation, names, body, scripts), () => this.#headers(body, headers));
    const refusal = this.#turnedAway(call, parts);
    if (refusal !== null) {
      call.refuse(refusal);
      return;
    }
    this.#open.set(call, parts.length);
    response.on("close", () => this.#leave(call));
    parts.forEach((part, sequence) => this.#submit({ call, sequence, inputTokens: part.inputTokens }, part, scripts[sequence]?.outputTokens ?? 1, serial));
  }

  #script(body: MockBody, serial: number, choice: number): AnswerScript {
    const { wishes, outputTokensMin } = body;
    const cap = this.#capOf(body);
    const natural = Math.min(cap, Math.max(outputTokensMin, body.exactLength ? cap : this.#drawnLength(serial, choice)));
    return answerScript(wishes, this.#vllm?.vocabulary ?? plainVocabulary, natural, outputTokensMin);
  }

  #turnedAway(call: MockCall, parts: readonly MockSequence[]): HttpRefusal | null {
    const limit = this.#queue.refuses(parts.length);
    if (limit === null) return null;
    this.#metrics?.rejected(limit);
    return call.operation.refusal({ kind: limit === "max_num_queued_reqs" ? "overloaded" : "backlog-full" });
  }

  #submit(worked: WorkedOn, part: MockSequence, outputTokens: number, serial: number): void {
    const { body } = worked.call;
    const slot = (this.#freeCalls.pop() ?? this.#calls.length) as CallId;
    this.#calls[slot] = worked;
    this.#queue.joins(part.inputTokens);
    this.#driver.submit({
      kind: "call-received",
      call: slot,
      serial,
      inputTokens: part.inputTokens,
      blocks: this.#blocksOf(body, part),
      outputTokens,
      outputTokensMax: this.#capOf(body),
      priority: body.wishes.priority,
      ...(body.sequences === undefined && body.answers > 1 ? { answers: body.answers } : {}),
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

  #headers(body: MockBody, asked: IncomingHttpHeaders): readonly string[] {
    const signals = this.#machine.observe(this.#driver.now());
    if (this.#vllm !== null) return body.stream ? noHeaders : loadHeader(asked, signals);
    return signals.quota === null || signals.quota === undefined ? noHeaders : this.dialect.quotaHeaders(signals.quota);
  }

  #drawnLength(serial: number, choice: number): number {
    return this.#vllm?.answerTokens ?? drawOutputTokens(this.#seed, serial, choice);
  }

  /** What a prompt shares with earlier ones is in its words. A replay's prompt shares what its trace says, which is told by other means: nothing here. */
  #blocksOf(body: MockBody, { texts, inputTokens }: MockSequence): Int32Array | null {
    if (this.#vllm === null || body.serial !== null || inputTokens < this.#blockTokens) return null;
    const { message, end } = this.#vllm.templateTokens;
    return promptBlocks(texts, this.#blockTokens, body.wishes.cacheSalt, message + end).subarray(0, Math.floor(inputTokens / this.#blockTokens));
  }

  #capOf(body: MockBody): number {
    if (body.outputTokensMax !== null) return body.outputTokensMax;
    return this.modelTokensMax === null ? hostedOutputTokensMax : Math.max(1, this.modelTokensMax - body.inputTokens);
  }

  /** The client is gone, unless the call is over. The slots are kept until the model has answered the aborts. */
  #leave(call: MockCall): void {
    if (!this.#open.has(call)) return;
    call.leave();
    this.#calls.forEach((worked, slot) => {
      if (worked?.call === call) this.#driver.submit({ kind: "call-aborted", call: slot as CallId });
    });
  }

  #forget(id: CallId, worked: WorkedOn): void {
    this.#calls[id] = null;
    this.#freeCalls.push(id);
    this.#queue.leaves(worked);
    const left = (this.#open.get(worked.call) ?? 1) - 1;
    if (left === 0) this.#open.delete(worked.call);
    else this.#open.set(worked.call, left);
  }

  #carryOut(command: MockCommand, at: Instant): void {
    const worked = this.#calls[command.call] ?? null;
    if (worked === null) return;
    const { call, sequence } = worked;
    switch (command.kind) {
      case "call-accepted":
        if (this.#vllm !== null) call.sendHeaders();
        return;
      case "emit-tokens":
        this.#lateness.record(Math.max(1, this.#driver.now() - at));
        this.#queue.begins(worked);
        call.addTokens(sequence, command.count);
        this.#metrics?.tokensLeft(call.measured(sequence), command.count, performance.now());
        this.#speakLater(call);
        return;
      case "end-call":
        this.#forget(command.call, worked);
        call.end(sequence, command.reason, command.usage);
        this.#metrics?.ended(call.measured(sequence), command.reason, command.usage, performance.now());
        this.#speakLater(call);
        return;
      case "refuse-call":
        this.#forget(command.call, worked);
        this.#refuse(call, command);
        return;
      case "cut-call":
        this.#forget(command.call, worked);
        call.breakConnection();
        return;
    }
  }

  #refuse(call: MockCall, command: Extract<EndpointCommand, { kind: "refuse-call" }>): void {
    const { failure, retryAfter } = command;
    const refusal = (why: MockRefusal): HttpRefusal => call.operation.refusal(why);
    const { inputTokens } = call.body;
    if (failure === "connect-failed") call.breakConnection();
    else if (failure === "rate-limited") call.refuse(refusal({ kind: failure, retryAfterSeconds: retryAfter === null ? null : retryAfter / 1_000_000 }));
    else if (failure === "context-exceeded") call.refuse(refusal({ kind: failure, tokensMax: this.modelTokensMax ?? this.#contextTokens, inputTokens }));
    else if (failure === "overloaded" && this.#metrics !== null) {
      this.#metrics.rejected("max_num_queued_reqs");
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
