import { type Command, InvalidArgumentError } from "commander";
import { InputError } from "../../../router/config/problem.ts";
import { columns } from "../../trace/formats/columns.ts";
import { seedNumber } from "../whole-number.ts";
import { durationSeconds } from "./duration-seconds.ts";
import type { TimeUnit, TraceFormat } from "../../trace/trace-format.ts";
import { fieldNames } from "../../trace/formats/columns-parser.ts";
import { detectFormat, formatNamed } from "../../trace/trace-formats.ts";
import type { ReadOptions } from "../../trace/trace-reader.ts";

/** How a trace file is to be read. */
export interface TraceOptions {
  readonly format?: string;
  readonly map?: Readonly<Record<string, string>>;
  readonly timeUnit?: TimeUnit;
  readonly seed: number;
  readonly jitter?: number;
}

/** Adds the options that all commands have that read a trace. */
export function withTraceOptions(command: Command): Command {
  return command
    .option("--format <name>", "the file's format; absent: told by its first line")
    .option(
      "--map <pairs>",
      `which column means what: input=prompt_tokens,output=completion_tokens,at=ts (also ${fieldNames.filter((name) => !["at", "input", "output"].includes(name)).join(", ")})`,
      columnMap,
    )
    .option("--time-unit <unit>", "of numeric instants in columns: s, ms, us or ns", timeUnit)
    .option("--jitter <duration>", "spread requests of one instant over so much time, by the seed (Mooncake: 3s)", durationSeconds)
    .option("--seed <n>", "of the jitter, and of formats that describe a load instead of recording one", seedNumber, 1);
}

export async function formatOf(file: string, options: TraceOptions): Promise<TraceFormat> {
  if (options.format !== undefined) {
    const format = formatNamed(options.format);
    if (options.map !== undefined && format !== columns) throw mapOf(format);
    return format;
  }
  return options.map === undefined ? await detectFormat(file) : formatNamed("columns");
}

function mapOf({ name }: TraceFormat): InputError {
  const message = `is only for the format columns: ${name} knows its columns`;
  return new InputError([{ file: "command line", line: null, column: null, field: "--map", message, fix: "leave out one of --map and --format" }]);
}

export function readOptionsOf({ seed, map, timeUnit: unit, jitter }: TraceOptions): ReadOptions {
  return { seed, map: map ?? null, timeUnit: unit ?? null, itemsMax: Infinity, jitter: jitter === undefined ? null : { withinUs: jitter * 1_000_000, seed } };
}

function columnMap(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(",").map((pair): [string, string] => {
      const [, field, column] = /^([a-z]+)=(.+)$/.exec(pair.trim()) ?? [];
      if (field === undefined || column === undefined) throw new InvalidArgumentError(`"${pair}" is not FIELD=COLUMN.`);
      return [field, column];
    }),
  );
}

function timeUnit(text: string): TimeUnit {
  if (text === "s" || text === "ms" || text === "us" || text === "ns") return text;
  throw new InvalidArgumentError("give s, ms, us or ns.");
}
