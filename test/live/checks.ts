import process from "node:process";

export type Verdict = "pass" | "fail" | "skipped";

/** The items of a run, printed as they are done. */
export class Checks {
  readonly #verdicts: Verdict[] = [];

  /** @param check returns what was seen; what it throws is why it failed */
  async item(name: string, check: () => Promise<string>): Promise<void> {
    try {
      this.#say("pass", name, await check());
    } catch (error) {
      this.#say("fail", name, error instanceof Error ? error.message : String(error));
    }
  }

  skip(name: string, why: string): void {
    this.#say("skipped", name, why);
  }

  /** 0: all passed; 1: one failed; 3: none failed, but not all could be tried. */
  exitCode(): number {
    if (this.#verdicts.includes("fail")) return 1;
    return this.#verdicts.includes("skipped") ? 3 : 0;
  }

  #say(verdict: Verdict, name: string, detail: string): void {
    this.#verdicts.push(verdict);
    process.stdout.write(`${verdict.toUpperCase().padEnd(7)} ${name}: ${detail}\n`);
  }
}

export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export async function until(condition: () => Promise<boolean>, limitMs: number, what: string): Promise<number> {
  const started = performance.now();
  while (!(await condition())) {
    ensure(performance.now() - started < limitMs, `${what} did not come true within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return performance.now() - started;
}
