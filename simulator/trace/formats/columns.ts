import { InputError } from "../../../router/config/problem.ts";
import { suggestion } from "../../../router/config/nearest.ts";
import type { FormatOptions, TraceFormat } from "../trace-format.ts";
import { ColumnsParser, type FieldName, fieldNames } from "./columns-parser.ts";

/** Names by which columns are known. A `--map` says which column means what where they have other names. */
const known: Readonly<Record<FieldName, readonly string[]>> = {
  at: [
    "at",
    "timestamp",
    "arrival",
    "arrival_time",
    "arrived_at",
    "arrival_s",
    "arrival_ms",
    "start_time",
    "started_at",
    "request_time",
    "created_at",
    "created",
    "time",
    "ts",
    "date",
    "timestamp_s",
    "timestamp_ms",
    "time_s",
    "time_ms",
    "offset_ms",
    "scheduled_ms",
  ],
  input: [
    "input_tokens",
    "prompt_tokens",
    "input",
    "input_length",
    "input_len",
    "prompt_len",
    "prompt_length",
    "context_tokens",
    "num_prompt_tokens",
    "request_tokens",
    "tokens_in",
    "isl",
    "in",
  ],
  output: [
    "output_tokens",
    "completion_tokens",
    "generated_tokens",
    "output",
    "output_length",
    "output_len",
    "completion_length",
    "num_output_tokens",
    "response_tokens",
    "tokens_out",
    "osl",
    "out",
  ],
  session: ["session", "session_id", "conversation_id", "conversation", "chat_id", "thread_id"],
  tenant: ["tenant", "tenant_id", "team", "team_id", "customer", "user", "user_id", "api_key", "client", "client_id", "lora_model"],
  route: ["route", "model", "model_name", "model_group"],
  blocks: ["blocks", "hash_ids", "block_ids", "block_hashes"],
  task: ["task", "task_type"],
  complexity: ["complexity"],
  modality: ["modality"],
  tools: ["tools"],
  latency: ["latency_requirement_ms", "max_latency_ms"],
  urgent: ["urgent"],
  batchable: ["batchable"],
  quality: ["quality_floor", "quality_threshold"],
};
const delimiters = [",", "\t", ";", "|"] as const;

/** Any CSV with a header line, or JSON lines, with instants, input and output tokens under whatever name. */
export const columns: TraceFormat = {
  name: "columns",
  description: "any CSV (comma, tab, semicolon) or JSON lines: columns by their names, or by --map input=prompt_tokens,output=completion_tokens,at=ts",
  detect: () => true,
  openLines: ({ map, timeUnit }) => new ColumnsParser({ names: mapped(map), timeUnit, reorderRows: 0, blockTokens: 16, delimiters }),
};

function mapped(map: FormatOptions["map"]): Readonly<Record<FieldName, readonly string[]>> {
  if (map === null) return known;
  const wrong = Object.keys(map).filter((name) => !(fieldNames as readonly string[]).includes(name));
  if (wrong.length > 0) {
    throw new InputError(
      wrong.map((name) => ({
        file: "command line",
        line: null,
        column: null,
        field: "--map",
        message: `"${name}" is none of our fields`,
        fix: suggestion(name, fieldNames),
      })),
    );
  }
  return Object.fromEntries(fieldNames.map((field) => [field, map[field] === undefined ? known[field] : [map[field]]])) as Record<FieldName, readonly string[]>;
}
