/**
 * What a store of leases knows of one limit or budget, and how it grants: the same rules in memory, between processes and in the simulator.
 *
 * A budget of a period has `amount - settled - outstanding` left; a rate is a bucket of `amount` that fills evenly within `per` (whole units, the remainder of the division
 * is kept). A question for `units` is granted max(units, left / (4 x holders)), or denied: until the bucket will hold so much; for a budget until its period ends, or
 * for one second while somebody else holds units that may come back. The same (holder, nonce) again gets the first answer. What is not settled when its `ttl` has passed
 * counts as wholly spent, until a late settlement corrects it within the period. A settlement counts once per (holder, nonce), also one that was never asked for.
 */
import { present } from "../assert.ts";
import type { LimitSpec } from "../compiled-config.ts";
import { largeLater } from "../large-later.ts";
import type { Duration, Instant } from "../machine.ts";
import { after, between, earlier, instantAt, micros, never, seconds } from "../time.ts";

export interface LeaseBook {
  spec: LimitSpec;
  settled: number;
  outstanding: number;
  /** Of a rate: what is in the bucket; below zero after estimates that were short. */
  level: number;
  remainder: number;
  filledAt: Instant;
  periodEnds: Instant;
  /** Those that may still expire, and the latest of those that have come to an end. */
  readonly open: Grant[];
  readonly ended: Grant[];
}

interface Grant {
  readonly holder: number;
  readonly nonce: number;
  readonly units: number;
  readonly until: Instant;
  /** `expired`: counted as wholly spent; `settled`: it counts once. */
  state: "open" | "expired" | "settled";
}

export interface LeaseAnswer {
  readonly units: number;
  /** Of the lease, or of its denial. */
  readonly until: Instant;
  readonly settled: number;
}

/** They are kept for a while: a question may be asked, and a settlement sent, again. */
const endedKept = 256;
const rateTtl = seconds(5);
const budgetTtl = seconds(30);
const lookAgain: Duration = seconds(1);

export function openBook(spec: LimitSpec, now: Instant): LeaseBook {
  const book: LeaseBook = { spec, settled: 0, outstanding: 0, level: spec.amount, remainder: 0, filledAt: now, periodEnds: never, open: [], ended: [] };
  return largeLater(book, ["settled", "outstanding", "level", "remainder", "filledAt"]);
}

/** Another amount for a limit that has a book, or a book for a new one. What is leased stays leased. */
export function amendBook(books: LeaseBook[], spec: LimitSpec, now: Instant): void {
  const book = books[spec.id];
  if (book === undefined || book.spec.name !== spec.name) {
    books[spec.id] = openBook(spec, now);
    return;
  }
  refresh(book, now);
  book.spec = spec;
  book.level = Math.min(book.level, spec.amount);
}

/** @param holders replicas that may ask, this one among them */
export function askBook(book: LeaseBook, holder: number, nonce: number, units: number, holders: number, now: Instant): LeaseAnswer {
  refresh(book, now);
  const before = grantOf(book, holder, nonce);
  if (before !== null) return { units: before.state === "open" ? before.units : 0, until: before.until, settled: book.settled };
  const rate = book.spec.window.kind === "rate";
  const left = leftIn(book);
  if (left < units) return { units: 0, until: deniedUntil(book, units, now), settled: book.settled };
  const granted = Math.max(units, Math.floor(left / (4 * holders)));
  const until = earlier(after(now, rate ? rateTtl : budgetTtl), book.periodEnds);
  book.open.push({ holder, nonce, units: granted, until, state: "open" });
  book.outstanding += granted;
  book.level -= granted;
  return { units: granted, until, settled: book.settled };
}

export function settleBook(book: LeaseBook, holder: number, nonce: number, used: number, now: Instant): void {
  refresh(book, now);
  const grant = grantOf(book, holder, nonce);
  if (grant === null) {
    book.settled += used;
    book.level -= used;
    keepEnded(book, { holder, nonce, units: 0, until: now, state: "settled" });
  } else if (grant.state !== "settled") {
    book.settled += grant.state === "open" ? used : used - grant.units;
    book.level += grant.units - used;
    if (grant.state === "open") end(book, book.open.indexOf(grant), "settled");
    else grant.state = "settled";
  }
}

export function startBookPeriod(book: LeaseBook, endsAt: Instant): void {
  book.settled = 0;
  book.periodEnds = endsAt;
  // A lease of the old period that comes back says nothing about the new one.
  while (book.open.length > 0) end(book, 0, "settled");
  for (const grant of book.ended) grant.state = "settled";
}

/** Units that could be granted now. */
function leftIn(book: LeaseBook): number {
  return book.spec.window.kind === "rate" ? book.level : book.spec.amount - book.settled - book.outstanding;
}

function refresh(book: LeaseBook, now: Instant): void {
  const { window, amount } = book.spec;
  if (window.kind === "rate") {
    const { per } = window;
    // No longer than it takes to fill: so no product leaves the whole numbers.
    const fills = Math.ceil((Math.max(0, amount - book.level) * per) / amount);
    const elapsed = Math.min(between(book.filledAt, now), fills);
    const gain = elapsed * amount + book.remainder;
    book.filledAt = now;
    book.level += Math.floor(gain / per);
    book.remainder = gain % per;
    if (book.level >= amount) {
      book.level = amount;
      book.remainder = 0;
    }
  }
  for (let place = book.open.length - 1; place >= 0; place -= 1)
    if ((book.open[place] as Grant).until <= now) book.settled += end(book, place, "expired").units;
}

/** The latest are asked for most. */
function grantOf(book: LeaseBook, holder: number, nonce: number): Grant | null {
  return among(book.open, holder, nonce) ?? among(book.ended, holder, nonce);
}

function among(grants: readonly Grant[], holder: number, nonce: number): Grant | null {
  for (let place = grants.length - 1; place >= 0; place -= 1) {
    const grant = grants[place] as Grant;
    if (grant.nonce === nonce && grant.holder === holder) return grant;
  }
  return null;
}

/** One that is open: how its units count now is the caller's business. */
function end(book: LeaseBook, place: number, state: "expired" | "settled"): Grant {
  const grant = present(book.open[place], "an open grant");
  book.open.splice(place, 1);
  book.outstanding -= grant.units;
  grant.state = state;
  keepEnded(book, grant);
  return grant;
}

function keepEnded({ ended }: LeaseBook, grant: Grant): void {
  ended.push(grant);
  if (ended.length > endedKept) ended.shift();
}

function deniedUntil(book: LeaseBook, units: number, now: Instant): Instant {
  const { window, amount } = book.spec;
  if (window.kind === "rate") {
    const missing = Math.min(units, amount) - book.level;
    return after(now, micros(Math.max(1, Math.ceil((missing * window.per - book.remainder) / amount))));
  }
  const soon = after(now, lookAgain);
  return book.outstanding > 0 ? earlier(soon, book.periodEnds) : book.periodEnds === never ? soonestRetry(now) : book.periodEnds;
}

/** A budget without an end: nothing but a larger one helps; it is looked at again once an hour. */
const soonestRetry = (now: Instant): Instant => instantAt(now + 3_600_000_000);
