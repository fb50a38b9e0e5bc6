import { Command } from "commander";
import { traceFormats } from "../../trace/trace-formats.ts";
import { downloadCommand } from "./download.ts";
import { fitCommand } from "./fit.ts";
import { fromPrometheusCommand } from "./from-prometheus.ts";
import { generateCommand } from "./generate.ts";
import { importCommand } from "./import.ts";
import { inspectCommand } from "./inspect.ts";
import { sliceCommand } from "./slice.ts";

export function traceCommand(): Command {
  return new Command("trace")
    .description("read, inspect, cut, fit and generate traces of requests")
    .addHelpText(
      "after",
      `\nFormats (known by the file's first line, or --format):\n${traceFormats.map(({ name, description }) => `  ${name.padEnd(14)}${description}`).join("\n")}`,
    )
    .addCommand(importCommand())
    .addCommand(inspectCommand())
    .addCommand(sliceCommand())
    .addCommand(fitCommand())
    .addCommand(generateCommand())
    .addCommand(fromPrometheusCommand())
    .addCommand(downloadCommand());
}
