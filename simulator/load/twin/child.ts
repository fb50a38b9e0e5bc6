import { spawn, type ChildProcess } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

const stderrKept = 16 * 1024;
const startMaxMs = 60_000;
const killAfterMs = 5_000;

/** How to run this same program again. */
export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
}

export function thisExecutable(): Executable {
  return { command: process.execPath, args: [...process.execArgv, process.argv[1] ?? ""] };
}

/** A child process of ours that says in one line of JSON on stdout when it is ready. It never outlives us, and what it said is shown when it dies. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #stderr = "";
  #lastLine: string | null = null;
  #stopping = false;
  #failure: Error | null = null;
  readonly #onExit = (): void => void this.#process.kill("SIGKILL");

  constructor(name: string, executable: Executable, args: readonly string[], env: NodeJS.ProcessEnv, onDeath: (error: Error) => void) {
    this.name = name;
    // Ctrl-C reaches the whole group of a terminal; a child of its own group is ended by us alone, in our order.
    this.#process = spawn(executable.command, [...executable.args, ...args], { stdio: ["ignore", "pipe", "pipe"], env, detached: true });
    process.once("exit", this.#onExit);
    this.#process.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-stderrKept);
    });
    this.#exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        process.removeListener("exit", this.#onExit);
        if (!this.#stopping && this.#failure === null) {
          this.#failure = new Error(`${name} ended early (${how}); it said:\n${this.#stderr.trimEnd()}`);
          onDeath(this.#failure);
        }
        resolve();
      };
      this.#process.once("error", (error) => gone(error.message));
      this.#process.once("close", (code, signal) => gone(signal ?? `exit code ${code ?? "unknown"}`));
    });
  }

  /** The first line on stdout. @throws Error when it dies first or takes more than a minute */
  async ready(): Promise<unknown> {
    const { stdout } = this.#process;
    if (stdout === null) throw new Error(`${this.name} has no stdout`);
    const lines = createInterface({ input: stdout });
    const first = new Promise<string>((resolve) => lines.once("line", resolve));
    lines.on("line", (line) => {
      this.#lastLine = line;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), startMaxMs);
    });
    const line = await Promise.race([first, late, this.#exited.then(() => null)]);
    clearTimeout(timer);
    if (line === null) throw this.#failure ?? new Error(`${this.name} was not ready within ${startMaxMs / 1000} s; it said:\n${this.#stderr.trimEnd()}`);
    return JSON.parse(line) as unknown;
  }

  /** @returns the last line that it wrote on stdout; null: none */
  async stop(): Promise<string | null> {
    this.#stopping = true;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), killAfterMs);
    await this.#exited;
    clearTimeout(timer);
    return this.#lastLine;
  }
}
