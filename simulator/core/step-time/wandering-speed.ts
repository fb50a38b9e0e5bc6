import { exp } from "../../../router/core/numeric.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { forkRandom, keyedNormal, nextNormal, purposeOf } from "../../../router/core/random.ts";

/** Null: the machine is steady. */
export interface WanderSpec {
  /** Standard deviation of the logarithm of the wandering, and the time after which it is correlated by 1/e, microseconds. */
  readonly deviation: number;
  readonly correlationUs: number;
  /** Standard deviation of the logarithm of what each step scatters by itself. */
  readonly scatter: number;
}

/** One holds its speed for this share of the correlation time. */
const windowsPerCorrelation = 16;
const windowsPerBlock = 1024;

/**
 * A machine that is not steady: neighbours, clocks, other processes. A step that starts at t takes exp(w(t) + e) times its modelled time. w is an Ornstein-Uhlenbeck process over
 * time, held for a sixteenth of its correlation time and started anew every 64 correlation times; e is independent for each instant at which a step starts. Both are functions of the instant
 * alone, so that it does not matter how many steps are carried out at once, who looks, or in which order. The mean is kept: on a machine that is never idle a long run of steps takes as long
 * altogether as their modelled times do. So E[exp(-w)] over time is 1 (slow spells hold fewer steps) and E[exp(e)] over steps is 1. Whoever waits in a queue still waits longer.
 */
export class WanderingSpeed {
  readonly #spec: WanderSpec;
  readonly #seed: number;
  readonly #name: string;
  readonly #scatterPurpose: number;
  readonly #windowUs: number;
  /** Of an even and of an odd block: a stretch may lie across two. */
  readonly #blocks: Float64Array[] = [new Float64Array(0), new Float64Array(0)];
  readonly #numbers = [-1, -1];

  /** @param name of the machine: equal seeds and names wander alike */
  constructor(spec: WanderSpec, seed: number, name: string) {
    this.#spec = spec;
    this.#seed = seed;
    this.#name = `engine-wander ${name}`;
    this.#scatterPurpose = purposeOf(`engine-step-scatter ${name}`);
    this.#windowUs = Math.max(1, spec.correlationUs / windowsPerCorrelation);
  }

  /** How many times as long a step that starts then takes. */
  factorAt(start: Instant): number {
    const { deviation, scatter } = this.#spec;
    const wandering = deviation === 0 ? 1 : this.#wanderingAt(start);
    if (scatter === 0) return wandering;
    return wandering * exp(scatter * keyedNormal(this.#seed, this.#scatterPurpose, start, 0) - (scatter * scatter) / 2);
  }

  #wanderingAt(start: number): number {
    const window = Math.floor(start / this.#windowUs);
    const number = Math.floor(window / windowsPerBlock);
    const side = number % 2;
    if (this.#numbers[side] !== number) {
      this.#blocks[side] = this.#draw(number);
      this.#numbers[side] = number;
    }
    return this.#blocks[side]?.[window - number * windowsPerBlock] ?? 1;
  }

  #draw(number: number): Float64Array {
    const random = forkRandom(this.#seed, `${this.#name} ${number}`);
    const { deviation } = this.#spec;
    const kept = exp(-1 / windowsPerCorrelation);
    const fresh = Math.sqrt(1 - kept * kept);
    let wandered = nextNormal(random);
    return Float64Array.from({ length: windowsPerBlock }, () => {
      wandered = kept * wandered + fresh * nextNormal(random);
      return exp(deviation * wandered + (deviation * deviation) / 2);
    });
  }
}
