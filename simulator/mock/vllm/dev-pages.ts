import { openAiError } from "../http-refusal.ts";
import { parseFields } from "../dialects/body-fields.ts";
import { jsonPage, type Page, type PageAnswer } from "../mock-surface.ts";

/** Whether the engine sleeps, and calls that wait for it to go on. Health is well in any state. */
export interface EngineState {
  sleeping: boolean;
  paused: boolean;
  waiting: (() => void)[];
}

/** Pages of `VLLM_SERVER_DEV_MODE=1`: whoever runs a server with them can stop it from outside. */
export function devPages(state: EngineState): Readonly<Record<string, Readonly<Record<string, Page>>>> {
  const setSleeping = (sleeping: boolean): void => void (state.sleeping = sleeping);
  return {
    "/server_info": { GET: ({ models }) => jsonPage({ vllm_config: models.map(({ model }) => `model='${model}'`).join(", "), vllm_env: {}, system_env: {} }) },
    "/get_world_size": { GET: () => jsonPage({ world_size: 1 }) },
    "/tokenizer_info": { GET: () => jsonPage({ tokenizer_class: "HeadgateMockWords", eos_token: "<|im_end|>", chat_template: "" }) },
    "/reset_prefix_cache": { POST: () => jsonPage({ success: true }) },
    "/sleep": {
      POST: ({ query }) => {
        setSleeping(true);
        return jsonPage({ status: "sleeping", level: Number(query.get("level") ?? 1) });
      },
    },
    "/wake_up": {
      POST: () => {
        setSleeping(false);
        return jsonPage({ status: "awake", tags: null });
      },
    },
    "/is_sleeping": { GET: () => jsonPage({ is_sleeping: state.sleeping }) },
    "/pause": {
      POST: () => {
        state.paused = true;
        return jsonPage({ status: "paused" });
      },
    },
    "/resume": {
      POST: () => {
        state.paused = false;
        for (const call of state.waiting.splice(0)) call();
        return jsonPage({ status: "resumed" });
      },
    },
    "/is_paused": { GET: () => jsonPage({ is_paused: state.paused }) },
    "/abort_requests": {
      POST: ({ body }) => {
        const ids = parseFields(body)?.["request_ids"];
        return jsonPage({ status: "aborted", aborted: Array.isArray(ids) ? ids.length : 0 });
      },
    },
    "/collective_rpc": { POST: ({ body }) => ({ ...rpcFailure(String(parseFields(body)?.["method"])), without: ["vary", "x-request-id"] }) },
  };
}

function rpcFailure(method: string): PageAnswer {
  const message =
    `Call to collective_rpc method failed: Worker failed with error ''CPUWorker' object has no attribute '${method}'', ` +
    "please check the stack trace above for the root cause";
  const { status, body } = openAiError(500, message, "InternalServerError", null, 500);
  return { status, type: "application/json", body };
}
