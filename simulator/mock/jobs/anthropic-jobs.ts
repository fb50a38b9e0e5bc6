import { isFields } from "../../../router/core/fields.ts";
import { parseFields } from "../dialects/body-fields.ts";
import { jsonPage, type MockSurface, type Page, type PageAnswer, type PageCall } from "../mock-surface.ts";
import { type JobLine, JobRun, keyHeaders } from "./job-run.ts";
import { RecentThings } from "../recent-things.ts";

interface MessageBatch {
  readonly id: string;
  readonly run: JobRun;
  readonly createdMs: number;
}

const base = "/v1/messages/batches";
const problem = (status: number, type: string, message: string): PageAnswer => jsonPage({ type: "error", error: { type, message } }, status);

/** Anthropic's message batches: their messages are asked of the mock itself. */
export class AnthropicJobs {
  readonly #batches = new RecentThings<MessageBatch>("msgbatch_mock");

  pagesAt(path: string): ReturnType<MockSurface["pagesAt"]> {
    if (path === base) return { GET: (call) => this.#list(call), POST: (call) => this.#create(call) };
    if (!path.startsWith(`${base}/`)) return null;
    const [id = "", what] = path.slice(base.length + 1).split("/");
    const found = (page: (batch: MessageBatch, call: PageCall) => PageAnswer): Page => {
      return (call) => {
        const batch = this.#batches.get(id);
        return batch === undefined ? problem(404, "not_found_error", `message batch ${id} not found`) : page(batch, call);
      };
    };
    if (what === "results") return { GET: found(resultsOf) };
    if (what === "cancel") {
      return {
        POST: found((batch, call) => {
          batch.run.cancel();
          return jsonPage(entryOf(batch, call));
        }),
      };
    }
    return { GET: found((batch, call) => jsonPage(entryOf(batch, call))) };
  }

  #list(call: PageCall): PageAnswer {
    const data = this.#batches.all().map((batch) => entryOf(batch, call));
    return jsonPage({ data, has_more: false, first_id: null, last_id: null });
  }

  #create(call: PageCall): PageAnswer {
    const requests = parseFields(call.body)?.["requests"];
    if (!Array.isArray(requests) || requests.length === 0) return problem(400, "invalid_request_error", "requests: at least one request is required");
    const lines: JobLine[] = [];
    for (const request of requests) {
      if (!isFields(request) || typeof request["custom_id"] !== "string") return problem(400, "invalid_request_error", "requests.custom_id: Field required");
      lines.push({ customId: request["custom_id"], path: "/v1/messages", body: request["params"] });
    }
    const run = new JobRun(`http://${call.headers.host ?? ""}`, keyHeaders(call.headers), lines);
    return jsonPage(
      entryOf(
        this.#batches.add((id) => ({ id, run, createdMs: Date.now() })),
        call,
      ),
    );
  }
}

function entryOf({ id, run, createdMs }: MessageBatch, { headers }: PageCall): object {
  const over = run.endedMs !== null;
  const left = run.lines.length - run.results.length;
  return {
    id,
    type: "message_batch",
    processing_status: over ? "ended" : run.state === "cancelling" ? "canceling" : "in_progress",
    request_counts: {
      processing: over ? 0 : left,
      succeeded: run.succeeded,
      errored: run.results.length - run.succeeded,
      canceled: over ? left : 0,
      expired: 0,
    },
    created_at: new Date(createdMs).toISOString(),
    expires_at: new Date(createdMs + 86_400_000).toISOString(),
    ended_at: run.endedMs === null ? null : new Date(run.endedMs).toISOString(),
    archived_at: null,
    cancel_initiated_at: null,
    results_url: over ? `http://${headers.host ?? ""}${base}/${id}/results` : null,
  };
}

function resultsOf({ run }: MessageBatch): PageAnswer {
  if (run.endedMs === null) return problem(404, "not_found_error", "the batch has not ended");
  const asked = run.results.map(({ customId, status, body }) => ({
    custom_id: customId,
    result: status === 200 ? { type: "succeeded", message: body } : { type: "errored", error: body },
  }));
  const known = new Set(run.results.map(({ customId }) => customId));
  const cancelled = run.lines.filter(({ customId }) => !known.has(customId)).map(({ customId }) => ({ custom_id: customId, result: { type: "canceled" } }));
  const lines = [...asked, ...cancelled].map((line) => `${JSON.stringify(line)}\n`);
  return { status: 200, type: "application/x-jsonl", body: lines.join("") };
}
