import { bodyHeaders } from "./pass-on.ts";
import type { Dialect, RequestHead, Target } from "./provider-adapter.ts";
import type { ProviderFormat } from "./provider-format.ts";

const nothing: readonly string[] = [];

interface HeadsOfTarget {
  readonly plain: Map<Dialect, RequestHead>;
  readonly streamed: Map<Dialect, RequestHead>;
}

/** The heads of requests that pass in one provider's format; where callers add nothing to them, they are made once. */
export class StandingHeads {
  readonly #format: ProviderFormat;
  readonly #heads = new WeakMap<Target, HeadsOfTarget>();

  constructor(format: ProviderFormat) {
    this.#format = format;
  }

  /** @param given the caller's own: name, value, name, value */
  headOf(dialect: Dialect, target: Target, stream: boolean, given: readonly string[]): RequestHead {
    if (given.length > 0) return this.#made(dialect, target, stream, given);
    let heads = this.#heads.get(target);
    if (heads === undefined) this.#heads.set(target, (heads = { plain: new Map(), streamed: new Map() }));
    const known = stream ? heads.streamed : heads.plain;
    let head = known.get(dialect);
    if (head === undefined) known.set(dialect, (head = this.#made(dialect, target, stream, nothing)));
    return head;
  }

  #made(dialect: Dialect, target: Target, stream: boolean, given: readonly string[]): RequestHead {
    const headers = [...bodyHeaders(stream), ...withDefaults(this.#format.headers, given)];
    return { method: "POST", path: this.#format.path(dialect, target, stream, ""), headers, isStanding: given.length === 0 };
  }
}

/** A caller that names a version of the dialect gets that one. */
function withDefaults(defaults: readonly string[], given: readonly string[]): readonly string[] {
  if (defaults.length === 0) return given;
  const names = new Set(given.filter((_, place) => place % 2 === 0));
  return [...defaults.filter((_, place) => !names.has(defaults[place - (place % 2)] ?? "")), ...given];
}
