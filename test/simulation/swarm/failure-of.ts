import { playScenario, type RandomWorld } from "../../support/random-world.ts";

export interface Failure {
  /** What kind of failure it is, without its numbers: a smaller world has to fail the same way. */
  readonly signature: string;
  readonly what: readonly string[];
}

export type Judge = (world: RandomWorld, seed: number) => Failure | null;

/** Plays the world to its end with every invariant watched. Null: all hold, and every request has ended. */
export const failureOf: Judge = ({ scenario, arrivals }, seed) => {
  try {
    const { violations, records } = playScenario(scenario, arrivals, seed);
    const [first] = violations;
    if (first !== undefined)
      return { signature: first.invariant, what: violations.slice(0, 5).map(({ invariant, at, what }) => `${invariant} at ${at} us: ${what}`) };
    if (records.length === arrivals.length) return null;
    return { signature: "unfinished", what: [`${arrivals.length} requests arrived, ${records.length} ended`] };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 4) : [];
    return { signature: `thrown ${text.replaceAll(/\d+/g, "#")}`, what: [text, ...stack.map((line) => line.trim())] };
  }
};
