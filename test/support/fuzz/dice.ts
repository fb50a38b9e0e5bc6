import { forkRandom, nextUnit, type RandomState } from "../../../router/core/random.ts";

/** Draws for fuzzing, reproducible by seed. */
export class Dice {
  readonly #random: RandomState;

  constructor(seed: number, name: string) {
    this.#random = forkRandom(seed, name);
  }

  /** 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(nextUnit(this.#random) * bound);
  }

  chance(share: number): boolean {
    return nextUnit(this.#random) < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** Latin-1. */
  noise(length: number): string {
    let text = "";
    for (let place = 0; place < length; place += 1) text += String.fromCharCode(this.below(256));
    return text;
  }

  /** Some bytes of the text changed, put in, or taken out. */
  mangled(text: string): string {
    let mangled = text;
    for (let changes = 1 + this.below(4); changes > 0 && mangled.length > 0; changes -= 1) {
      const at = this.below(mangled.length);
      const kind = this.below(3);
      mangled = mangled.slice(0, at) + (kind === 0 ? "" : this.noise(1 + this.below(3))) + mangled.slice(kind === 1 ? at : at + 1 + this.below(3));
    }
    return mangled;
  }
}
