/** A broken invariant is a bug of ours, never the user's: it stops the machine. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) broken(what);
}

/** For what the types cannot know to be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  return value ?? missing(what);
}

// On a request's way `??` and `if` stand before these, so that what holds costs no call.

export function missing(what: string): never {
  broken(`${what} is missing`);
}

export function broken(what: string): never {
  throw new Error(`assertion: ${what}`);
}
