import { isFields } from "../../../router/core/fields.ts";
import { parseFields } from "../dialects/body-fields.ts";
import { jsonPage, type MockSurface, type Page, type PageAnswer, type PageCall } from "../mock-surface.ts";
import { type JobLine, JobRun, keyHeaders } from "./job-run.ts";
import { RecentThings } from "../recent-things.ts";

interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly text: string;
  readonly createdSeconds: number;
}
interface Batch {
  readonly id: string;
  readonly run: JobRun;
  readonly endpoint: string;
  readonly inputFile: string;
  readonly metadata: unknown;
  readonly createdSeconds: number;
  files: { readonly output: string | null; readonly error: string | null } | null;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const problem = (status: number, message: string, param: string | null = null): PageAnswer =>
  jsonPage({ error: { message, type: "invalid_request_error", param, code: null } }, status);

/** OpenAI's files and Batch API, below `base`: files are kept in memory, a job's lines are asked of the mock itself. */
export class OpenAiJobs {
  readonly #base: string;
  readonly #files = new RecentThings<StoredFile>("file-mock");
  readonly #batches = new RecentThings<Batch>("batch_mock");

  constructor(base: string) {
    this.#base = base;
  }

  pagesAt(path: string): ReturnType<MockSurface["pagesAt"]> {
    if (!path.startsWith(`${this.#base}/`)) return null;
    const [kind, id, what] = path.slice(this.#base.length + 1).split("/");
    if (kind === "files") return this.#filePages(id, what);
    return kind === "batches" ? this.#batchPages(id, what) : null;
  }

  #filePages(id: string | undefined, what: string | undefined): Readonly<Record<string, Page>> {
    if (id === undefined) return { GET: () => listOf(this.#files.all().map(fileEntry)), POST: async (call) => this.#upload(call) };
    const found = (page: (file: StoredFile) => PageAnswer): Page => {
      return () => {
        const file = this.#files.get(id);
        return file === undefined ? problem(404, `No such File object: ${id}`, "id") : page(file);
      };
    };
    if (what === "content") return { GET: found(({ text }) => ({ status: 200, type: "application/octet-stream", body: text })) };
    return {
      GET: found((file) => jsonPage(fileEntry(file))),
      DELETE: found(() => jsonPage({ id, object: "file", deleted: this.#files.delete(id) })),
    };
  }

  async #upload({ headers, body }: PageCall): Promise<PageAnswer> {
    const form = await formIn(body, headers["content-type"] ?? "");
    if (form === null) return problem(400, "Invalid type for 'file': expected a file, but got none.", "file");
    const file = form.get("file");
    if (file === null || typeof file === "string") return problem(400, "'file' is a required property", "file");
    const text = await file.text();
    const purpose = form.get("purpose");
    return jsonPage(fileEntry(this.#store(file.name, typeof purpose === "string" ? purpose : "batch", text)));
  }

  #store(name: string, purpose: string, text: string): StoredFile {
    return this.#files.add((id) => ({ id, name, purpose, text, createdSeconds: nowSeconds() }));
  }

  #batchPages(id: string | undefined, what: string | undefined): Readonly<Record<string, Page>> {
    if (id === undefined) return { GET: () => listOf(this.#batches.all().map((batch) => this.#entry(batch))), POST: (call) => this.#create(call) };
    const found = (page: (batch: Batch) => void): Page => {
      return () => {
        const batch = this.#batches.get(id);
        if (batch === undefined) return problem(404, `No batch found with id '${id}'.`);
        page(batch);
        return jsonPage(this.#entry(batch));
      };
    };
    return what === "cancel" ? { POST: found(({ run }) => run.cancel()) } : { GET: found(() => undefined) };
  }

  #create({ headers, body }: PageCall): PageAnswer {
    const fields = parseFields(body) ?? {};
    const file = this.#files.get(String(fields["input_file_id"]));
    if (file === undefined) return problem(400, `Invalid 'input_file_id': '${String(fields["input_file_id"])}' does not exist.`, "input_file_id");
    const lines = linesOf(file.text, this.#base);
    if (lines === null) return problem(400, "The input file is not valid JSON Lines of requests.", "input_file_id");
    const run = new JobRun(`http://${headers.host ?? ""}`, keyHeaders(headers), lines);
    const { metadata = null } = fields;
    const batch = this.#batches.add((id) => ({
      id,
      run,
      endpoint: String(fields["endpoint"]),
      inputFile: file.id,
      metadata,
      createdSeconds: nowSeconds(),
      files: null,
    }));
    return jsonPage(this.#entry(batch));
  }

  #entry(batch: Batch): object {
    const { id, run, endpoint, inputFile, metadata, createdSeconds } = batch;
    if (run.endedMs !== null) batch.files ??= { output: this.#resultFile(batch, true), error: this.#resultFile(batch, false) };
    const ended = run.endedMs === null ? null : Math.floor(run.endedMs / 1000);
    const { state } = run;
    return {
      id,
      object: "batch",
      endpoint,
      errors: null,
      input_file_id: inputFile,
      completion_window: "24h",
      status: state === "running" ? "in_progress" : state === "ended" ? "completed" : state,
      output_file_id: batch.files?.output ?? null,
      error_file_id: batch.files?.error ?? null,
      created_at: createdSeconds,
      in_progress_at: createdSeconds,
      expires_at: createdSeconds + 86_400,
      completed_at: state === "ended" ? ended : null,
      cancelled_at: state === "cancelled" ? ended : null,
      request_counts: { total: run.lines.length, completed: run.succeeded, failed: run.results.length - run.succeeded },
      metadata,
    };
  }

  /** Null: there is nothing to tell in it. */
  #resultFile({ id, run }: Batch, succeeded: boolean): string | null {
    const results = run.results.filter(({ status }) => (status === 200) === succeeded);
    if (results.length === 0) return null;
    const lines = results.map(({ customId, status, body }, place) => {
      const response = { status_code: status, request_id: `${id}-${place}`, body };
      return JSON.stringify({ id: `batch_req_${place}`, custom_id: customId, response, error: null });
    });
    return this.#store(`${id}_${succeeded ? "output" : "error"}.jsonl`, "batch_output", `${lines.join("\n")}\n`).id;
  }
}

/** Null: it is none. */
async function formIn(body: Buffer, type: string): Promise<FormData | null> {
  if (!type.startsWith("multipart/form-data")) return null;
  try {
    return await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  } catch {
    return null;
  }
}

const listOf = (data: readonly object[]): PageAnswer => jsonPage({ object: "list", data, has_more: false });

function fileEntry({ id, name, purpose, text, createdSeconds }: StoredFile): object {
  return { id, object: "file", bytes: Buffer.byteLength(text), created_at: createdSeconds, filename: name, purpose, status: "processed" };
}

/** Null: a line is no request. @param base what stands in front of the paths that the lines name */
function linesOf(text: string, base: string): readonly JobLine[] | null {
  const lines: JobLine[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const fields = parseFields(Buffer.from(line));
    if (fields === null || typeof fields["custom_id"] !== "string" || typeof fields["url"] !== "string" || !isFields(fields["body"])) return null;
    lines.push({ customId: fields["custom_id"], path: base + fields["url"].replace(/^(\/openai)?\/v1/, ""), body: fields["body"] });
  }
  return lines;
}
