import type { TraceFormat } from "../trace-format.ts";
import { ColumnsParser } from "./columns-parser.ts";

/** The arena log of the VTC paper (github.com/Ying1123/VTC-artifact) as CSV: 27 tenants, instants in seconds. */
export const arena: TraceFormat = {
  name: "arena",
  description: "multi-tenant arena log: arrival_s,tenant,input_tokens,output_tokens",
  detect: (firstLine) => /^arrival_s,tenant,input_tokens,output_tokens\s*$/.test(firstLine),
  openLines: () =>
    new ColumnsParser({
      names: { at: ["arrival_s"], input: ["input_tokens"], output: ["output_tokens"], tenant: ["tenant"] },
      timeUnit: "s",
      reorderRows: 0,
      blockTokens: null,
    }),
};
