import { createWriteStream, type WriteStream } from "node:fs";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Instant } from "../core/machine.ts";
import type { RouterCommand, RouterEvent } from "../core/messages.ts";

/**
 * Every (event, instant) that a core was given, and every command with its instant, as JSON lines after a first line with the configuration and the seed:
 * a fresh core that is given the events gives the same commands. JSON has no infinity, so it is written as a string.
 */
export interface RecordingHead {
  readonly kind: "head";
  readonly seed: number;
  readonly explain: boolean;
  readonly config: CompiledConfig;
}
export type RecordingLine =
  | RecordingHead
  | { readonly kind: "event"; readonly at: Instant; readonly event: RouterEvent }
  | { readonly kind: "command"; readonly at: Instant; readonly command: RouterCommand };

const infinity = "\u221e";

function encodeLine(line: RecordingLine): string {
  return `${JSON.stringify(line, (_key, value: unknown) => (value === Infinity ? infinity : value))}\n`;
}

export function decodeRecording(text: string): RecordingLine[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line, (_key, value: unknown) => (value === infinity ? Infinity : value)) as RecordingLine);
}

export class InputRecording {
  readonly #file: WriteStream;

  constructor(file: string, head: RecordingHead) {
    this.#file = createWriteStream(file);
    this.#file.write(encodeLine(head));
  }

  write(line: RecordingLine): void {
    this.#file.write(encodeLine(line));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#file.end(resolve);
    });
  }
}
