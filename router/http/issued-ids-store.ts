import { closeSync, mkdirSync, open, openSync, readdirSync, readFileSync, unlink, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { InputError } from "../config/problem.ts";
import { LineSink } from "../telemetry/line-sink.ts";

/** An id that a provider has issued, by names that hold over a restart. */
export interface StoredId {
  readonly id: string;
  /** Identity of the endpoint that issued it: address, model and the name of the key. */
  readonly endpoint: string;
  readonly route: string;
  readonly tenant: string;
}

const numbered = /^issued-ids\.(\d{1,9})\.jsonl$/;

/**
 * Issued ids over a restart: a line of JSON each, appended in batches, so that a crash loses those of the last half second. Files are numbered; the next one is begun when one
 * holds half of what is remembered at most, and only the last two are kept. What is no whole line is passed over. One process writes into a folder.
 */
export class IssuedIdsStore {
  readonly #folder: string;
  readonly #linesMax: number;
  readonly #onTrouble: (message: string) => void;
  #number: number;
  #descriptor: number;
  #sink: LineSink;
  #lines = 0;
  #turning = false;
  #closed = false;

  /** @throws InputError when the folder cannot be written to */
  constructor(folder: string, onTrouble: (message: string) => void, linesMax = 50_000) {
    this.#folder = folder;
    this.#linesMax = linesMax;
    this.#onTrouble = onTrouble;
    try {
      mkdirSync(folder, { recursive: true });
      this.#number = Math.max(0, ...this.#numbers()) + 1;
      this.#descriptor = openSync(this.#fileOf(this.#number), "a", 0o600);
    } catch (error) {
      throw unusable(folder, error);
    }
    this.#sink = new LineSink(this.#descriptor);
  }

  /** What earlier processes have left, the oldest first; it is written anew, so that it is there the next time too. @throws InputError when that cannot be done */
  takeOver(): readonly StoredId[] {
    try {
      const files = this.#numbers().filter((number) => number < this.#number);
      const stored = files.flatMap((number) => readFileSync(this.#fileOf(number), "utf8").split("\n").flatMap(storedOf)).slice(-2 * this.#linesMax);
      this.#lines = stored.length;
      writeFileSync(this.#descriptor, stored.map(lineOf).join(""));
      for (const number of files) unlinkSync(this.#fileOf(number));
      return stored;
    } catch (error) {
      throw unusable(this.#folder, error);
    }
  }

  note(stored: StoredId): void {
    if (this.#closed) return;
    this.#sink.write(lineOf(stored));
    this.#lines += 1;
    if (this.#lines >= this.#linesMax && !this.#turning) this.#turn();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#leave();
  }

  async #leave(): Promise<void> {
    const descriptor = this.#descriptor;
    await this.#sink.flush();
    closeSync(descriptor);
  }

  #turn(): void {
    this.#turning = true;
    open(this.#fileOf(this.#number + 1), "a", 0o600, (error, descriptor) => {
      this.#turning = false;
      // What has been noted meanwhile stands in the file before.
      this.#lines = 0;
      if (this.#closed) {
        if (error === null) closeSync(descriptor);
        return;
      }
      if (error !== null) {
        this.#onTrouble(`issued ids: ${error.message}`);
        return;
      }
      void this.#leave();
      this.#number += 1;
      this.#descriptor = descriptor;
      this.#sink = new LineSink(descriptor);
      unlink(this.#fileOf(this.#number - 2), () => undefined);
    });
  }

  #numbers(): readonly number[] {
    return readdirSync(this.#folder)
      .flatMap((name) => numbered.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((one, other) => one - other);
  }

  #fileOf(number: number): string {
    return path.join(this.#folder, `issued-ids.${number}.jsonl`);
  }
}

function unusable(folder: string, error: unknown): InputError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  const fix = "give a folder that exists or can be made, and that may be written to";
  return new InputError([{ file: folder, line: null, column: null, field: "state.folder", message: `cannot be read or written to (${code})`, fix }]);
}

const lineOf = ({ id, endpoint, route, tenant }: StoredId): string => `${JSON.stringify({ id, endpoint, route, tenant })}\n`;

function storedOf(line: string): readonly StoredId[] {
  try {
    const { id, endpoint, route, tenant } = JSON.parse(line) as Partial<Record<keyof StoredId, unknown>>;
    const isWhole = typeof id === "string" && typeof endpoint === "string" && typeof route === "string" && typeof tenant === "string";
    return isWhole ? [{ id, endpoint, route, tenant }] : [];
  } catch {
    return [];
  }
}

/** @param folder null: ids are not kept */
export function openIssuedIds(folder: string | null, onTrouble: (message: string) => void): IssuedIdsStore | null {
  return folder === null ? null : new IssuedIdsStore(folder, onTrouble);
}
