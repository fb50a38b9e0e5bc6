import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import { figuresOnly, runSeed, type SeedMeasure } from "./run-seed.ts";

/** One seed of a scenario, as it goes to a worker: names only, since a loaded scenario has functions. */
export interface SeedJob {
  readonly file: string;
  /** `path=value` over the file. */
  readonly settings: readonly string[];
  readonly seed: number;
  readonly strict: boolean;
  readonly journal: string | null;
}

/** A file and its settings are loaded once, for all seeds that follow each other. */
export class SeedRunner {
  #key = "";
  #loaded: LoadedScenario | null = null;

  async run({ file, settings, seed, strict, journal }: SeedJob): Promise<SeedMeasure> {
    const key = JSON.stringify([file, settings]);
    if (key !== this.#key || this.#loaded === null) {
      const loaded = await loadScenario(file, process.env, { settings });
      if (loaded.kind !== "loaded") throw new Error(`${file} can no longer be run: ${loaded.reason}`);
      this.#loaded = loaded;
      this.#key = key;
    }
    return figuresOnly(runSeed(this.#loaded, seed, { strict, journal: journal ?? undefined }));
  }
}
