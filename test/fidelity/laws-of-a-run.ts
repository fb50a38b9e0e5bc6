import type { Instant } from "../../router/core/machine.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";
import type { Moment } from "./fuzz-engines.ts";

type Submitted = Extract<EngineEvent, { kind: "sequence-submitted" }>;

/** What was seen of one sequence. */
interface Seen {
  readonly event: Submitted;
  readonly submittedAt: number;
  startedAt: number | null;
  readonly tokensAt: number[];
  ended: Extract<EngineCommand, { kind: "end-sequence" }> | null;
}

const timeMax = 60_000_000;

/**
 * What holds of every run of every engine, seen from outside, whatever its rules: time never goes back; a sequence starts once, then its tokens come one after the other without a gap, then it
 * ends, once, with as many as it was to have; memory is never overdrawn, and all of it is free when all have ended; nobody is busy for longer than the time that has passed. Apart: a
 * first token comes no sooner after the start than the smallest transfer takes, and a lone connection carries one after the other. Null: all hold.
 */
export function brokenLaw(engine: EngineModel, spec: EngineSpec, moments: readonly Moment[]): string | null {
  const watch = new Watch(spec);
  const out = { emit: (command: EngineCommand, at: Instant): void => watch.tell(command, at) };
  const wakeBefore = (limit: number): void => {
    for (let at = engine.nextDeadline(); at < Math.min(limit, timeMax); at = engine.nextDeadline()) {
      engine.wake(at, out);
      watch.look(engine, at);
    }
  };
  for (const { at, what } of moments) {
    wakeBefore(at);
    if (what.kind === "look" || what.kind === "observe") continue;
    if (what.kind === "sequence-aborted" && !watch.mayAbort(what.id)) continue;
    if (what.kind === "sequence-submitted") watch.submitted(what, at);
    engine.handle(what, at, out);
    watch.look(engine, at);
  }
  wakeBefore(Infinity);
  if (engine.nextDeadline() === Infinity) watch.finished(engine);
  return watch.broken;
}

class Watch {
  broken: string | null = null;
  readonly #spec: EngineSpec;
  readonly #seen = new Map<SequenceId, Seen>();
  readonly #aborted = new Set<SequenceId>();
  readonly #firstTokens: number[] = [];
  #now = 0;

  constructor(spec: EngineSpec) {
    this.#spec = spec;
  }

  submitted(event: Submitted, at: number): void {
    this.#seen.set(event.id, { event, submittedAt: at, startedAt: null, tokensAt: [], ended: null });
  }

  mayAbort(id: SequenceId): boolean {
    if (this.#aborted.has(id) || this.#seen.get(id)?.ended !== null) return false;
    this.#aborted.add(id);
    return true;
  }

  tell(command: EngineCommand, at: number): void {
    const seen = this.#seen.get(command.id);
    this.#law(at >= this.#now, "time goes back", at, command);
    this.#now = at;
    if (seen === undefined) {
      this.#law(false, "nobody submitted it", at, command);
      return;
    }
    this.#law(seen.ended === null && at >= seen.submittedAt, "only between submission and end", at, command);
    if (command.kind === "start-sequence") {
      this.#law(seen.startedAt === null && command.cachedTokens < seen.event.inputTokens, "starts once, and never with all of its prompt cached", at, command);
      seen.startedAt = at;
    } else if (command.kind === "emit-tokens") this.#tokens(seen, command, at);
    else this.#end(seen, command, at);
  }

  #tokens(seen: Seen, command: Extract<EngineCommand, { kind: "emit-tokens" }>, at: number): void {
    this.#law(seen.startedAt !== null && command.from === seen.tokensAt.length, "tokens in order, after the start", at, command);
    if (command.from === 0) this.#first(seen, at);
    for (let done = 0; done < command.count; done++) seen.tokensAt.push(at);
  }

  #first(seen: Seen, at: number): void {
    this.#firstTokens.push(at);
    const apart = this.#spec.options?.disaggregation ?? null;
    if (apart === null) return;
    const smallest = Math.max(1, Math.ceil(apart.latencyUs + (apart.kvBytesPerToken * 1_000_000) / apart.bytesPerSecond));
    this.#law(at - (seen.startedAt ?? 0) > smallest, "a transfer before the first token", at, seen.event);
    const carried = this.#firstTokens.length / apart.decodeEngines;
    this.#law(at >= carried * smallest, "one transfer after the other into each decode engine", at, seen.event);
  }

  #end(seen: Seen, command: Extract<EngineCommand, { kind: "end-sequence" }>, at: number): void {
    const { event, tokensAt } = seen;
    this.#law(command.outputTokens === tokensAt.length, "as many tokens at the end as were told", at, command);
    if (command.reason === "length" || command.reason === "stop") {
      const room = this.#spec.modelTokensMax - event.inputTokens;
      const due = Math.max(1, Math.min(event.outputTokens, event.outputTokensMax, room));
      this.#law(command.outputTokens === due, `${due} tokens to generate`, at, command);
      this.#law(tokensAt.at(-1) === at, "the end comes with the last token", at, command);
    }
    seen.ended = command;
  }

  look(engine: EngineModel, at: Instant): void {
    const { blocksUsed, blocks, busy, running, batchUse } = engine.observe(at);
    this.#law(blocksUsed >= 0 && blocksUsed <= blocks, "no more blocks than there are", at, { blocksUsed, blocks });
    this.#law(busy >= 0 && busy <= at, "busy no longer than the time that has passed", at, { busy });
    this.#law(batchUse >= 0 && batchUse <= 1 && running >= 0, "no more sequences than may run", at, { batchUse, running });
  }

  finished(engine: EngineModel): void {
    const open = [...this.#seen.values()].filter(({ ended }) => ended === null);
    this.#law(
      open.length === 0,
      "all end",
      this.#now,
      open.map(({ event }) => event.id),
    );
    const { running, waiting, blocksUsed } = engine.observe((timeMax * 2) as Instant);
    this.#law(running === 0 && waiting === 0 && blocksUsed === 0, "nothing is left of those that have ended", this.#now, { running, waiting, blocksUsed });
  }

  #law(holds: boolean, law: string, at: number, what: unknown): void {
    if (!holds) this.broken ??= `broken at ${at}: ${law}: ${JSON.stringify(what)}`;
  }
}
