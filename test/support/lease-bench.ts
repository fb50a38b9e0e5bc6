import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { askBook, type LeaseBook, openBook, settleBook, startBookPeriod } from "../../router/core/limit/lease-book.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { LeaseKey, RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { startOfTime } from "../../router/core/time.ts";

/** A store of leases that answers at once, for several holders. */
export class LeaseBench {
  readonly books: readonly LeaseBook[];
  readonly #holders: number;

  constructor(config: CompiledConfig, holders = 1) {
    this.#holders = holders;
    this.books = config.limits.map((spec) => openBook(spec, startOfTime));
  }

  book(key: LeaseKey): LeaseBook {
    const book = this.books[key];
    if (book === undefined) throw new Error(`there is no limit ${key}`);
    return book;
  }

  startPeriod(key: LeaseKey, endsAt: Instant): RouterEvent {
    startBookPeriod(this.book(key), endsAt);
    return { kind: "period-started", budget: key, endsAt };
  }

  /** Carries out a command about leases; the answer to a question. */
  hear(command: RouterCommand, now: Instant, holder = 0): RouterEvent | null {
    if (command.kind === "return-lease") settleBook(this.book(command.lease), holder, command.nonce, command.used, now);
    if (command.kind !== "ask-lease") return null;
    const { lease, nonce } = command;
    return { kind: "lease-answered", lease, nonce, ...askBook(this.book(lease), holder, nonce, command.units, this.#holders, now) };
  }
}
