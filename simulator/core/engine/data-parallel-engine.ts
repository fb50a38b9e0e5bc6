import { assert, present } from "../../../router/core/assert.ts";
import type { Instant, Out } from "../../../router/core/machine.ts";
import { earlier, never } from "../../../router/core/time.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId } from "./engine.ts";
import { RankBalancer } from "./rank-balancer.ts";
import { sumOfSignals } from "./sum-of-signals.ts";

/**
 * Data-parallel ranks of a dense model: engines that know nothing of each other behind one front end, which deals requests out in turn (see RankBalancer).
 * Ranks of a mixture-of-experts model step together: that is PlainEngine with `lockstepRanks`. Source: vLLM docs/serving/data_parallel_deployment.md.
 */
export class DataParallelEngine implements EngineModel {
  readonly #ranks: readonly EngineModel[];
  readonly #balancer: RankBalancer;
  readonly #rankOf = new Map<SequenceId, number>();
  #wokenAt = -1;
  #inside = false;

  constructor(ranks: number, make: (rank: number) => EngineModel) {
    this.#ranks = Array.from({ length: ranks }, (_, rank) => make(rank));
    this.#balancer = new RankBalancer(ranks, false);
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    const watched = this.#enter(out);
    if (this.#wokenAt < now) this.#settle((now - 1) as Instant, watched);
    switch (event.kind) {
      case "sequence-submitted": {
        const rank = this.#balancer.choose();
        this.#rankOf.set(event.id, rank);
        present(this.#ranks[rank], "a rank").handle(event, now, watched);
        break;
      }
      case "sequence-aborted": {
        const rank = this.#rankOf.get(event.id);
        assert(rank !== undefined, "abort of a sequence that is not running");
        present(this.#ranks[rank], "a rank").handle(event, now, watched);
        break;
      }
      case "speed-changed":
      case "engine-crashed":
        for (const rank of this.#ranks) rank.handle(event, now, watched);
        break;
    }
    this.#inside = false;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#settle(now, this.#enter(out));
    this.#wokenAt = now;
    this.#inside = false;
  }

  nextDeadline(): Instant {
    return this.#ranks.reduce((at, rank) => earlier(at, rank.nextDeadline()), never);
  }

  observe(now: Instant): EngineSignals {
    return sumOfSignals(this.#ranks.map((rank) => rank.observe(now)));
  }

  outputTokensOf(id: SequenceId): number {
    const rank = this.#rankOf.get(id);
    return rank === undefined ? 0 : present(this.#ranks[rank], "a rank").outputTokensOf(id);
  }

  liveSequences(): readonly SequenceId[] {
    return [...this.#rankOf.keys()];
  }

  #enter(out: Out<EngineCommand>): Out<EngineCommand> {
    assert(!this.#inside, "an engine is never re-entered");
    this.#inside = true;
    return {
      emit: (command, at) => {
        if (command.kind === "end-sequence") this.#rankOf.delete(command.id);
        out.emit(command, at);
      },
    };
  }

  /** Everything up to and with `limit`, instant by instant, so that commands come in order of time; then every rank knows how late it is. */
  #settle(limit: Instant, out: Out<EngineCommand>): void {
    for (let at = this.nextDeadline(); at <= limit; at = this.nextDeadline()) {
      for (const rank of this.#ranks) if (rank.nextDeadline() <= at) rank.wake(at, out);
    }
    for (const rank of this.#ranks) rank.wake(limit, out);
  }
}
