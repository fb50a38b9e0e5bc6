import { setFlagsFromString } from "node:v8";
import type { World } from "../core/world.ts";

/** Up to so many requests, and for so many steps of the virtual driver (three to four a request), V8's last compiler costs more CPU time than its code saves (docs/speed.md). */
const shortRequestsMax = 50_000;
const shortStepsMax = 196_608;
const portionSteps = 256;

/** Runs a world to its end. @param requests how many its trace has */
export function runToEnd(world: World, requests: number): void {
  const compiler = new LastCompiler(requests);
  try {
    for (let steps = portionSteps; world.advance(portionSteps); steps += portionSteps) if (steps === shortStepsMax) compiler.letIn();
  } finally {
    compiler.letIn();
  }
}

/**
 * V8's last compiler, held back while a run is short, as V8 itself does where power is to be saved. Once it may come, what runs often is compiled as ever. It is one for all
 * threads: the first of them whose run gets long lets it in for all. Kept bytecode holds for the flags it was made under, so they are as before when the run has ended.
 */
export class LastCompiler {
  #isHeld: boolean;

  constructor(requests: number) {
    this.#isHeld = requests <= shortRequestsMax;
    if (this.#isHeld) setFlagsFromString("--efficiency-mode");
  }

  letIn(): void {
    if (this.#isHeld) setFlagsFromString("--no-efficiency-mode");
    this.#isHeld = false;
  }
}
