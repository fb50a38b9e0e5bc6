import type { TraceFormat } from "../trace-format.ts";
import { ColumnsParser } from "./columns-parser.ts";

/** What a log may be out of order by: it is written when requests end, and sorted by nobody. */
export const logReorderRows = 65_536;

/** LiteLLM's spend logs (table LiteLLM_SpendLogs, `GET /spend/logs`) as CSV or JSON lines. */
export const litellm: TraceFormat = {
  name: "litellm",
  description: "LiteLLM spend logs, CSV or JSON lines: startTime, prompt_tokens, completion_tokens, model_group, team_id, session_id",
  detect: (firstLine) => /\bstartTime\b/.test(firstLine) && /\bprompt_tokens\b/.test(firstLine) && /\bcompletion_tokens\b/.test(firstLine),
  openLines: () =>
    new ColumnsParser({
      names: {
        at: ["startTime"],
        input: ["prompt_tokens"],
        output: ["completion_tokens"],
        session: ["session_id"],
        tenant: ["team_id", "end_user", "user", "api_key"],
        route: ["model_group", "model"],
      },
      timeUnit: null,
      reorderRows: logReorderRows,
      blockTokens: null,
      leftOut: { reason: "no tokens (they failed before a provider)", when: ({ inputTokens, outputTokens }) => inputTokens === 0 && outputTokens === 0 },
    }),
  lineMax: 1 << 24,
};
