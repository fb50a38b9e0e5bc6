import { assert, present } from "../../../router/core/assert.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import { earlier, never } from "../../../router/core/time.ts";
import type { DisaggregationSpec } from "./engine-spec.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId } from "./engine.ts";
import type { PlainEngine } from "./plain/plain-engine.ts";
import { sumOfSignals } from "./sum-of-signals.ts";

type Submitted = Extract<EngineEvent, { kind: "sequence-submitted" }>;

/** One sequence on its way: first on its prefill engine, then on its decode engine. */
interface Course {
  readonly event: Submitted;
  readonly prefill: number;
  readonly decode: number;
  stage: "prefill" | "decode";
  preemptions: number;
}

interface Transfer {
  readonly id: SequenceId;
  readonly course: Course;
  readonly endsAt: Instant;
}

/**
 * Prefill and decode on engines of their own, as one endpoint behind vLLM's proxy. A request goes to the prefill engines in turn, which compute its prompt and throw the one
 * token away; then to the decode engines in turn. A decode engine takes blocks for the whole prompt when the request's turn comes, asks for what it does not have cached, and goes on
 * with others; the transfer takes `latencyUs` plus bytes / bandwidth, one after the other into each decode engine. Then the prompt's last token is computed again there and
 * gives the first token. The prefill engine keeps the blocks until they have been read. A preempted sequence is computed again by its decode engine.
 * Source: vLLM docs/features/disagg_prefill.md, nixl_connector_usage.md; v1/core/sched/scheduler.py (WAITING_FOR_REMOTE_KVS). Not modelled: aborted transfers are cut
 * short, where vLLM lets them end; layers are not sent one by one while the prefill runs.
 */
export class DisaggregatedEngine implements EngineModel {
  readonly #spec: DisaggregationSpec;
  readonly #prefills: readonly PlainEngine[];
  readonly #decodes: readonly PlainEngine[];
  readonly #courses = new Map<SequenceId, Course>();
  /** By decode engine, in order. */
  readonly #transfers: readonly Transfer[][];
  #turn = 0;
  #out: Out<EngineCommand> | null = null;

  /** @param make an engine that calls back when it has blocks for KV to come */
  constructor(spec: DisaggregationSpec, make: (part: number, kvWanted?: (id: SequenceId, tokens: number, at: Instant) => void) => PlainEngine) {
    this.#spec = spec;
    this.#prefills = Array.from({ length: spec.prefillEngines }, (_, part) => make(part));
    this.#decodes = Array.from({ length: spec.decodeEngines }, (_, place) =>
      make(spec.prefillEngines + place, (id, tokens, at) => this.#startTransfer(id, tokens, at)),
    );
    this.#transfers = this.#decodes.map(() => []);
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#enter(out);
    this.#advance((now - 1) as Instant);
    switch (event.kind) {
      case "sequence-submitted":
        this.#submit(event, now);
        break;
      case "sequence-aborted":
        this.#abort(event.id, now);
        break;
      case "speed-changed":
      case "engine-crashed":
        for (const engine of this.#engines()) engine.handle(event, now, this.#whole());
        if (event.kind === "engine-crashed") for (const line of this.#transfers) line.length = 0;
        break;
    }
    this.#out = null;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#enter(out);
    this.#advance(now);
    this.#out = null;
  }

  nextDeadline(): Instant {
    let at = never;
    for (const engine of this.#engines()) at = earlier(at, engine.nextDeadline());
    for (const [first] of this.#transfers) if (first !== undefined) at = earlier(at, first.endsAt);
    return at;
  }

  observe(now: Instant): EngineSignals {
    return sumOfSignals(this.#engines().map((engine) => engine.observe(now)));
  }

  outputTokensOf(id: SequenceId): number {
    const course = this.#courses.get(id);
    return course?.stage === "decode" ? present(this.#decodes[course.decode], "the decode engine").outputTokensOf(id) : 0;
  }

  liveSequences(): readonly SequenceId[] {
    return [...this.#courses.keys()];
  }

  #engines(): readonly PlainEngine[] {
    return [...this.#prefills, ...this.#decodes];
  }

  #enter(out: Out<EngineCommand>): void {
    assert(this.#out === null, "an engine is never re-entered");
    this.#out = out;
  }

  /** Everything up to and with `limit`, instant by instant: what has arrived, then prefills, then decodes. */
  #advance(limit: Instant): void {
    for (let at = this.nextDeadline(); at <= limit; at = this.nextDeadline()) {
      for (const [decode, line] of this.#transfers.entries()) this.#endTransfers(line, decode, at);
      for (const engine of this.#prefills) if (engine.nextDeadline() <= at) engine.wake(at, this.#fromPrefill());
      for (const engine of this.#decodes) if (engine.nextDeadline() <= at) engine.wake(at, this.#fromDecode());
    }
  }

  #submit(event: Submitted, now: Instant): void {
    const turn = this.#turn++;
    const course: Course = { event, prefill: turn % this.#prefills.length, decode: turn % this.#decodes.length, stage: "prefill", preemptions: 0 };
    this.#courses.set(event.id, course);
    const prompt = { ...event, outputTokens: 1, outputTokensMax: 1 };
    present(this.#prefills[course.prefill], "the prefill engine").submitPart(prompt, "leaves", now, this.#fromPrefill());
  }

  #abort(id: SequenceId, now: Instant): void {
    const course = this.#courses.get(id);
    assert(course !== undefined, "abort of a sequence that is not running");
    const [engines, from] = course.stage === "prefill" ? [this.#prefills, this.#fromPrefill()] : [this.#decodes, this.#fromDecode()];
    present(engines[course[course.stage]], "its engine").handle({ kind: "sequence-aborted", id }, now, from);
  }

  #fromPrefill(): Out<EngineCommand> {
    return {
      emit: (command, at) => {
        if (command.kind === "start-sequence") this.#out?.emit(command, at);
        if (command.kind !== "end-sequence") return;
        const course = present(this.#courses.get(command.id), "the sequence's course");
        course.preemptions += command.preemptions;
        if (command.reason === "stop" || command.reason === "length") this.#handOver(course, at);
        else this.#end(command, course, at);
      },
    };
  }

  #fromDecode(): Out<EngineCommand> {
    return {
      emit: (command, at) => {
        if (command.kind === "emit-tokens") this.#out?.emit(command, at);
        if (command.kind !== "end-sequence") return;
        const course = present(this.#courses.get(command.id), "the sequence's course");
        this.#end(command, course, at);
      },
    };
  }

  /** Of engines of either kind, when all are told the same. */
  #whole(): Out<EngineCommand> {
    return {
      emit: (command, at) => {
        if (command.kind !== "end-sequence") return;
        const course = present(this.#courses.get(command.id), "the sequence's course");
        if (course.stage === "prefill") course.preemptions += command.preemptions;
        this.#end(command, course, at);
      },
    };
  }

  #end(command: Extract<EngineCommand, { kind: "end-sequence" }>, course: Course, at: Instant): void {
    this.#courses.delete(command.id);
    const preemptions = course.preemptions + (course.stage === "decode" ? command.preemptions : 0);
    const outputTokens = course.stage === "decode" ? command.outputTokens : 0;
    if (command.reason === "abort" && course.stage === "decode") this.#freePrefill(course, at);
    this.#out?.emit({ ...command, outputTokens, preemptions }, at);
  }

  #handOver(course: Course, at: Instant): void {
    course.stage = "decode";
    present(this.#decodes[course.decode], "the decode engine").submitPart(course.event, "comes", at, this.#fromDecode());
  }

  #startTransfer(id: SequenceId, tokens: number, at: Instant): void {
    const course = present(this.#courses.get(id), "the sequence's course");
    const line = present(this.#transfers[course.decode], "the transfers into its engine");
    const { latencyUs, kvBytesPerToken, bytesPerSecond } = this.#spec;
    const takes = Math.ceil(latencyUs + (tokens * kvBytesPerToken * 1_000_000) / bytesPerSecond) as Duration;
    const begins = Math.max(at, line.at(-1)?.endsAt ?? 0);
    line.push({ id, course, endsAt: (begins + Math.max(1, takes)) as Instant });
  }

  #endTransfers(line: Transfer[], decode: number, at: Instant): void {
    for (let first = line[0]; first !== undefined && first.endsAt <= at; first = line[0]) {
      line.shift();
      // The slot may belong to another sequence by now.
      if (this.#courses.get(first.id) !== first.course) continue;
      this.#freePrefill(first.course, at);
      present(this.#decodes[decode], "the decode engine").kvArrived(first.id, at, this.#fromDecode());
    }
  }

  #freePrefill({ event, prefill }: Course, at: Instant): void {
    present(this.#prefills[prefill], "the prefill engine").kvLeft(event.id, at, this.#fromPrefill());
  }
}
