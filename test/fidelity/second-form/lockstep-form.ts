import type { Instant, Out } from "../../../router/core/machine.ts";
import type { EngineSpec } from "../../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, SequenceId } from "../../../simulator/core/engine/engine.ts";
import { createPlainRequest } from "../../../simulator/core/engine/plain/plain-request.ts";
import { submissionOf } from "../../../simulator/core/engine/submission.ts";
import { BusyLoop } from "./busy-loop.ts";
import { machineOf, rulesOf, signalsOf } from "./second-form.ts";
import type { PlayedEngine, SeenSignals } from "./second-form.ts";

/**
 * Ranks of a mixture-of-experts model behind their front end, told a second time. The front end knows of each rank a count of waiting and of running requests, sends to the
 * least of 4 x waiting + running (the first of equals), and adds what it sends to the waiting ones it knows of. Whenever something has come or gone, the coordinator
 * tells it the true counts 100 ms later. (v1/engine/core_client.py, coordinator.py.)
 */
export class LockstepForm implements PlayedEngine {
  readonly #spec: EngineSpec;
  readonly #ranks: number;
  readonly #detail: "first-token" | "tokens";
  #loop: BusyLoop;
  #known: { waiting: number; running: number }[];
  #tellsAt = Infinity;
  #out: Out<EngineCommand> = { emit: () => {} };

  constructor(spec: EngineSpec, ranks: number, detail: "first-token" | "tokens") {
    this.#spec = spec;
    this.#ranks = ranks;
    this.#detail = detail;
    this.#loop = this.#newLoop();
    this.#known = this.#nothing();
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#out = out;
    this.#settle(now - 1);
    if (event.kind === "sequence-submitted") {
      const rank = this.#leastLoaded();
      const counts = this.#known[rank];
      if (counts !== undefined) counts.waiting++;
      this.#changed(now);
      this.#loop.submit(createPlainRequest(submissionOf(event, this.#spec.modelTokensMax), "here", rank), now);
    } else if (event.kind === "sequence-aborted") this.#loop.abort(event.id, now);
    else if (event.kind === "speed-changed") this.#loop.speed = event.factor;
    else this.#crash(now);
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#out = out;
    this.#settle(now);
  }

  nextDeadline(): Instant {
    return Math.min(this.#loop.wakesAt, this.#tellsAt) as Instant;
  }

  observe(now: Instant): SeenSignals {
    return signalsOf([this.#loop], this.#spec, now);
  }

  outputTokensOf(id: SequenceId): number {
    return this.#loop.requests.get(id)?.outputs ?? 0;
  }

  #settle(limit: number): void {
    for (let at = this.nextDeadline(); at <= limit; at = this.nextDeadline()) {
      if (this.#loop.wakesAt === at) this.#loop.comeRound();
      else {
        this.#known = this.#loop.ranks.map(({ waiting, running }) => ({ waiting: waiting.length, running: running.length }));
        this.#tellsAt = Infinity;
      }
    }
  }

  #leastLoaded(): number {
    const loads = this.#known.map(({ waiting, running }) => 4 * waiting + running);
    return loads.indexOf(Math.min(...loads));
  }

  #changed(at: number): void {
    if (this.#tellsAt === Infinity) this.#tellsAt = at + 100_000;
  }

  #crash(now: Instant): void {
    const { requests, speed } = this.#loop;
    for (const [id, { outputs, preemptions }] of [...requests].toSorted(([one], [other]) => one - other))
      this.#out.emit({ kind: "end-sequence", id, reason: "error", outputTokens: outputs, preemptions }, now);
    this.#loop = this.#newLoop();
    this.#loop.speed = speed;
    this.#known = this.#nothing();
    this.#tellsAt = Infinity;
  }

  #nothing(): { waiting: number; running: number }[] {
    return Array.from({ length: this.#ranks }, () => ({ waiting: 0, running: 0 }));
  }

  #newLoop(): BusyLoop {
    const tell = (command: EngineCommand): void => this.#out.emit(command, loop.now as Instant);
    const loop: BusyLoop = new BusyLoop(this.#ranks, rulesOf(this.#spec), machineOf(this.#spec, 0), {
      started: ({ id }, cachedTokens) => tell({ kind: "start-sequence", id: id as SequenceId, cachedTokens }),
      tokens: ({ id, outputs }, count) => {
        if (this.#detail === "tokens" || outputs === count) tell({ kind: "emit-tokens", id: id as SequenceId, from: outputs - count, count });
      },
      ended: ({ id, outputs, preemptions }, reason) => {
        this.#changed(loop.now);
        tell({ kind: "end-sequence", id: id as SequenceId, reason, outputTokens: outputs, preemptions });
      },
      wanted: () => {},
    });
    return loop;
  }
}
