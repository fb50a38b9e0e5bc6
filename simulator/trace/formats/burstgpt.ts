import type { TraceFormat } from "../trace-format.ts";
import { ColumnsParser } from "./columns-parser.ts";

/**
 * BurstGPT (github.com/HPMLL/BurstGPT): `Timestamp` in seconds, `Model`, `Request tokens`, `Response tokens`, in later files `Session ID`. Requests that failed have no
 * response tokens; they stay in, as requests without output.
 */
export const burstGpt: TraceFormat = {
  name: "burstgpt",
  description: "BurstGPT: Timestamp (s),Model,Request tokens,Response tokens,Total tokens,Log Type, with or without Session ID",
  detect: (firstLine) => /^"?Timestamp"?,.*"?Request tokens"?,"?Response tokens"?/.test(firstLine),
  openLines: () =>
    new ColumnsParser({
      names: { at: ["Timestamp"], input: ["Request tokens"], output: ["Response tokens"], session: ["Session ID"], route: ["Model"] },
      timeUnit: "s",
      reorderRows: 0,
      blockTokens: null,
    }),
};
