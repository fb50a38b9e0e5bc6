import { azure } from "./azure.ts";
import type { TraceFormat } from "./trace-format.ts";

/** The registry: a format is one file and one line here. */
export const traceFormats: readonly TraceFormat[] = [azure];
export const traceFormatNames = ["azure"] as const;
