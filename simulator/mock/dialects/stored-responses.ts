/**
 * Responses that a mock keeps, as OpenAI's API does unless `store: false` says not to: the last thousand of a server, each for the key that it was made with. What a
 * response was made from stands in it whole (the earlier turns' items and answers too), so that deleting one leaves those that follow.
 * After OpenAI's reference of the responses API (retrieve, delete, cancel, list input items) and the types of its client; instructions are not carried over.
 */
import type { IncomingHttpHeaders } from "node:http";
import { keyHeaders } from "../jobs/job-run.ts";
import { jsonPage, type MockSurface, type Page, type PageAnswer } from "../mock-surface.ts";
import { RecentThings } from "../recent-things.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";

interface StoredResponse {
  readonly owner: string;
  readonly response: Fields;
  /** In the order of the conversation. */
  readonly items: readonly Fields[];
}

const listedDefault = 20;
const listedMax = 100;

export class StoredResponses {
  readonly #stored = new RecentThings<StoredResponse>("");

  /** All that has been said up to and with this response; null: there is none for this key. */
  conversation(id: string, headers: IncomingHttpHeaders): readonly Fields[] | null {
    const stored = this.#find(id, headers);
    return stored === null ? null : [...stored.items, ...fieldsIn(stored.response["output"])];
  }

  keep(response: Fields, items: readonly Fields[], headers: IncomingHttpHeaders): void {
    const id = String(response["id"]);
    const named = items.map((item, place) =>
      typeof item["id"] === "string" ? item : { id: `${itemPrefix(item)}_${id.slice("resp_".length)}-${place}`, ...item },
    );
    this.#stored.put(id, { owner: ownerOf(headers), response, items: named });
  }

  /** @param base what stands before `/responses` */
  pagesAt(path: string, base: string): ReturnType<MockSurface["pagesAt"]> {
    if (!path.startsWith(`${base}/responses/`)) return null;
    const [id = "", what, more] = path.slice(`${base}/responses/`.length).split("/");
    const found = (answer: (stored: StoredResponse, query: URLSearchParams) => PageAnswer): Page => {
      return ({ headers, query }) => {
        const stored = this.#find(id, headers);
        return stored === null ? problem(404, `Response with id '${id}' not found.`) : answer(stored, query);
      };
    };
    if (more !== undefined || id === "") return null;
    if (what === "input_items") return { GET: found(({ items }, query) => listOf(items, query)) };
    if (what === "cancel") return { POST: found(() => problem(400, "Cannot cancel a synchronous response.")) };
    if (what !== undefined) return null;
    return {
      GET: found(({ response }, query) =>
        query.get("stream") === "true" ? problem(400, "Only responses that run in the background can be streamed again.", "stream") : jsonPage(response),
      ),
      DELETE: found(() => jsonPage({ id, object: "response", deleted: this.#stored.delete(id) })),
    };
  }

  #find(id: string, headers: IncomingHttpHeaders): StoredResponse | null {
    const stored = this.#stored.get(id);
    return stored === undefined || stored.owner !== ownerOf(headers) ? null : stored;
  }
}

/** The items of a request's `input`, in the form in which they are listed. */
export function inputItems(input: unknown): readonly Fields[] {
  return (typeof input === "string" ? [{ role: "user", content: input }] : fieldsIn(input)).map((item) => {
    if ("type" in item && item["type"] !== "message") return item;
    const { content, role } = item;
    const parts = typeof content === "string" ? [{ type: role === "assistant" ? "output_text" : "input_text", text: content }] : content;
    return { type: "message", status: "completed", ...item, content: parts };
  });
}

function listOf(items: readonly Fields[], query: URLSearchParams): PageAnswer {
  const limit = query.has("limit") ? Number(query.get("limit")) : listedDefault;
  if (!Number.isInteger(limit) || limit < 1 || limit > listedMax)
    return problem(400, `Invalid 'limit': expected a whole number from 1 to ${listedMax}.`, "limit");
  const ordered = query.get("order") === "asc" ? items : items.toReversed();
  const after = query.get("after");
  const from = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) return problem(400, `Invalid 'after': there is no item '${after}'.`, "after");
  const data = ordered.slice(from, from + limit);
  return jsonPage({
    object: "list",
    data,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
    has_more: from + data.length < ordered.length,
  });
}

function itemPrefix({ type }: Fields): string {
  if (type === "function_call") return "fc";
  return type === "function_call_output" ? "fco" : "msg";
}

const fieldsIn = (list: unknown): readonly Fields[] => (Array.isArray(list) ? list.filter(isFields) : []);
const ownerOf = (headers: IncomingHttpHeaders): string => JSON.stringify(keyHeaders(headers));
const problem = (status: number, message: string, param: string | null = null): PageAnswer =>
  jsonPage({ error: { message, type: "invalid_request_error", param, code: null } }, status);
