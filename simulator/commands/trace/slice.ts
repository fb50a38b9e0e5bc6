import { Command, InvalidArgumentError } from "commander";
import { InputError } from "../../../router/config/problem.ts";
import { type Selection, SliceRows } from "../../trace/slice-rows.ts";
import { readTrace } from "../../trace/trace-reader.ts";
import { TraceWriter } from "../../trace/trace-writer.ts";
import { durationSeconds } from "./duration-seconds.ts";
import { formatOf, readOptionsOf, type TraceOptions, withTraceOptions } from "./trace-options.ts";

interface Options extends TraceOptions {
  readonly out: string;
  readonly from: number;
  readonly until?: number;
  readonly sessions?: readonly string[];
  readonly sessionShare?: number;
  readonly tenants?: readonly string[];
  readonly tenantShare?: number;
  readonly json: boolean;
}

export function sliceCommand(): Command {
  return withTraceOptions(
    new Command("slice")
      .description("cut a trace by time, session or tenant; never by row, which would tear sessions apart")
      .argument("<file>", "trace, zipped or not")
      .requiredOption("-o, --out <file>", "what to write, in Headgate's own format; zipped where it ends in .gz"),
  )
    .option("--from <duration>", "since the first request", durationSeconds, 0)
    .option("--until <duration>", "since the first request; absent: to the end", durationSeconds)
    .option("--sessions <names>", "only these, separated by commas", names)
    .option("--session-share <share>", "so much of the sessions (0 to 1), drawn by the seed", share)
    .option("--tenants <names>", "only these, separated by commas", names)
    .option("--tenant-share <share>", "so much of the tenants (0 to 1), drawn by the seed", share)
    .option("--json", "print what was done as JSON", false)
    .addHelpText(
      "after",
      "\nExamples:\n  headgate trace slice week.csv.gz --from 24h --until 25h -o hour.jsonl.gz\n  headgate trace slice chats.jsonl --session-share 0.1 --seed 7 -o tenth.jsonl",
    )
    .action(slice);
}

async function slice(file: string, options: Options): Promise<void> {
  const format = await formatOf(file, options);
  const writer = new TraceWriter(options.out, `${format.name}, a slice`);
  const rows = new SliceRows(
    {
      fromUs: Math.round(options.from * 1_000_000),
      untilUs: options.until === undefined ? Infinity : Math.round(options.until * 1_000_000),
      sessions: selectionOf(options.sessions, options.sessionShare, options.seed),
      tenants: selectionOf(options.tenants, options.tenantShare, options.seed),
    },
    writer,
  );
  try {
    const read = await readTrace(file, format, readOptionsOf(options), rows);
    const { problem } = rows;
    if (problem !== null)
      throw new InputError([{ file, line: null, column: null, field: null, message: problem, fix: "see `headgate trace inspect` for what the trace has" }]);
    writer.finish();
    const result = { file, format: format.name, out: options.out, kept: rows.kept, of: read.items };
    process.stdout.write(
      options.json ? `${JSON.stringify(result)}\n` : `${rows.kept.toLocaleString("en")} of ${read.items.toLocaleString("en")} written to ${options.out}\n`,
    );
  } catch (error) {
    writer.discard();
    throw error;
  }
}

function selectionOf(chosen: readonly string[] | undefined, part: number | undefined, seed: number): Selection | null {
  if (chosen !== undefined) return { kind: "names", names: new Set(chosen) };
  return part === undefined ? null : { kind: "share", share: part, seed };
}

const names = (text: string): readonly string[] => text.split(",").map((name) => name.trim());

function share(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("give a share above 0, up to 1.");
  return value;
}
