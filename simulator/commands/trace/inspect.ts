import { Command } from "commander";
import { inspectTrace } from "../../trace/inspect/inspect-trace.ts";
import { inspectLines } from "./inspect-report.ts";
import { formatOf, readOptionsOf, type TraceOptions, withTraceOptions } from "./trace-options.ts";

export function inspectCommand(): Command {
  return withTraceOptions(
    new Command("inspect")
      .description("what is in a trace: counts, rates, burstiness, lengths, tenants, sessions, cache hit rates")
      .argument("<file>", "trace, zipped or not"),
  )
    .option("--json", "print the figures as JSON", false)
    .addHelpText(
      "after",
      "\nExamples:\n  headgate trace inspect requests.csv --map at=ts,input=prompt_tokens,output=completion_tokens\n  headgate trace inspect mooncake.jsonl.gz --json",
    )
    .action(async (file: string, options: TraceOptions & { readonly json: boolean }) => {
      const figures = await inspectTrace(file, await formatOf(file, options), readOptionsOf(options));
      process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : `${inspectLines(figures).join("\n")}\n`);
    });
}
