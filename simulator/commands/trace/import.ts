import { Command } from "commander";
import { readTrace } from "../../trace/trace-reader.ts";
import { TraceWriter } from "../../trace/trace-writer.ts";
import { formatOf, readOptionsOf, type TraceOptions, withTraceOptions } from "./trace-options.ts";

export function importCommand(): Command {
  return withTraceOptions(
    new Command("import")
      .description("check a trace of any format and write it in Headgate's own")
      .argument("<file>", "trace, zipped or not")
      .requiredOption("-o, --out <file>", "what to write; zipped where it ends in .gz"),
  )
    .option("--json", "print what was done as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate trace import spend-logs.csv -o traffic.jsonl.gz\n\nA file with one bad row is not imported at all.")
    .action(async (file: string, options: TraceOptions & { readonly out: string; readonly json: boolean }) => {
      const format = await formatOf(file, options);
      const writer = new TraceWriter(options.out, format.name);
      try {
        const read = await readTrace(file, format, readOptionsOf(options), writer);
        writer.finish();
        const result = { file, format: format.name, out: options.out, items: read.items, notes: read.notes };
        process.stdout.write(
          options.json
            ? `${JSON.stringify(result)}\n`
            : [`${read.items.toLocaleString("en")} written to ${options.out} (${format.name})`, ...read.notes.map((note) => `note: ${note}`), ""].join("\n"),
        );
      } catch (error) {
        writer.discard();
        throw error;
      }
    });
}
