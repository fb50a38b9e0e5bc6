import { InputError } from "../../router/config/problem.ts";
import { nearestName } from "../../router/config/nearest.ts";
import { agentic } from "./formats/agentic.ts";
import { arena } from "./formats/arena.ts";
import { azure } from "./formats/azure.ts";
import { bailian } from "./formats/bailian.ts";
import { burstGpt } from "./formats/burstgpt.ts";
import { columns } from "./formats/columns.ts";
import { headgateTrace } from "./formats/headgate-trace.ts";
import { litellm } from "./formats/litellm.ts";
import { mooncake } from "./formats/mooncake.ts";
import { openTelemetry } from "./formats/opentelemetry.ts";
import { serveGen } from "./formats/servegen.ts";
import type { TraceFormat } from "./trace-format.ts";
import { firstLineOf } from "./trace-reader.ts";

export const traceFormatNames = [
  "headgate",
  "azure",
  "mooncake",
  "bailian",
  "burstgpt",
  "servegen",
  "agentic",
  "arena",
  "litellm",
  "opentelemetry",
  "columns",
] as const;

/** The registry: a format is one file and one line here (and its name above). The first that knows a file's first line reads it; `columns` is the last resort. */
export const traceFormats: readonly TraceFormat[] = [
  headgateTrace,
  azure,
  mooncake,
  bailian,
  burstGpt,
  serveGen,
  agentic,
  arena,
  litellm,
  openTelemetry,
  columns,
];

/** @throws InputError where no format has that name */
export function formatNamed(name: string): TraceFormat {
  const format = traceFormats.find((known) => known.name === name);
  if (format !== undefined) return format;
  const near = nearestName(name, traceFormatNames);
  throw new InputError([
    {
      file: "command line",
      line: null,
      column: null,
      field: "--format",
      message: `there is no trace format "${name}"${near === null ? "" : ` (did you mean "${near}"?)`}`,
      fix: `give one of ${traceFormatNames.join(", ")}`,
    },
  ]);
}

/** By the file's first line. A file that cannot be read is left to the reader, which says why. */
export async function detectFormat(file: string): Promise<TraceFormat> {
  const line = await firstLineOf(file);
  return (line === null ? undefined : traceFormats.find((format) => format.detect(line))) ?? columns;
}
