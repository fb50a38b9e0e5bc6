import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import type { MockBody } from "../mock-body.ts";
import type { Fields } from "../../../router/core/fields.ts";
import { type AnswerForm, type CallNames, type MockEnd, namedEvent } from "./mock-dialect.ts";

/** What differs between those who serve OpenAI's responses API. */
export interface ResponsesFlavour {
  /** Of the response, beside its id, its state, its output and its usage. */
  envelope(body: MockBody): Readonly<Record<string, unknown>>;
  usage(usage: Usage): object;
  /** Name of the last event where the cap ended the answer. */
  readonly cutEvent: "response.completed" | "response.incomplete";
  /** What its message items and text parts have beside the rest. */
  readonly messageExtras: object;
  readonly partLogprobs: null | readonly never[];
}

interface Sequence {
  next: number;
}

/** The bytes of one answer of OpenAI's responses API: a message of text, or calls of functions. */
export function responsesForm(names: CallNames, body: MockBody, script: AnswerScript, flavour: ResponsesFlavour): AnswerForm {
  const { calls } = body;
  const sequence: Sequence = { next: 0 };
  const event = (type: string, fields: object): string => namedEvent(type, { ...fields, sequence_number: sequence.next++, type });
  const whole = (state: State): Fields => responseOf(names, body, flavour, state);
  const kept = (state: State): Fields => {
    const response = whole(state);
    body.keep?.(response);
    return response;
  };
  const place = { item_id: `msg_${names.id}`, output_index: 0, content_index: 0 };
  const textPart = (text: string, logprobs: unknown): object => ({ annotations: [], text, type: "output_text", logprobs });
  const opened =
    event("response.created", { response: whole(started) }) +
    event("response.in_progress", { response: whole(started) }) +
    (calls.length > 0
      ? ""
      : event("response.output_item.added", { item: messageItem(names, flavour, [], "in_progress"), output_index: 0 }) +
        event("response.content_part.added", { ...place, part: textPart("", []) }));
  const token = (index: number): string =>
    calls.length > 0 ? "" : event("response.output_text.delta", { ...place, delta: script.pieceAt(index), logprobs: [] });
  const called = (): string => calls.map((_, index) => callEvents(event, names, body, index)).join("");
  return {
    opening: Buffer.from(opened),
    token: (index) => Buffer.from(token(index)),
    last: (reason, usage) => {
      const text = script.text(usage.output);
      const output = outputOf(names, body, script, flavour, usage);
      const state = ended(body, script, reason, usage, output);
      const ending =
        calls.length > 0
          ? called()
          : token(usage.output - 1) +
            event("response.output_text.done", { ...place, logprobs: [], text }) +
            event("response.content_part.done", { ...place, part: textPart(text, flavour.partLogprobs) }) +
            event("response.output_item.done", { item: output[0], output_index: 0 });
      const last = state.status === "completed" ? "response.completed" : flavour.cutEvent;
      return Buffer.from(ending + event(last, { response: kept(state) }));
    },
    plain: (reason, usage) => JSON.stringify(kept(ended(body, script, reason, usage, outputOf(names, body, script, flavour, usage)))),
  };
}

interface State {
  readonly status: "in_progress" | "completed" | "incomplete";
  readonly output: readonly object[];
  readonly usage: Usage | null;
}
const started: State = { status: "in_progress", output: [], usage: null };

function ended({ calls }: MockBody, script: AnswerScript, reason: MockEnd, usage: Usage, output: readonly object[]): State {
  const whole = calls.length > 0 || reason === "stop" || (script.stopped !== null && usage.output >= script.outputTokens);
  return { status: whole ? "completed" : "incomplete", output, usage };
}

function responseOf({ id, createdSeconds, model }: CallNames, body: MockBody, flavour: ResponsesFlavour, { status, output, usage }: State): Fields {
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: createdSeconds,
    status,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    model,
    output,
    usage: usage === null ? null : flavour.usage(usage),
    ...flavour.envelope(body),
  };
}

function messageItem({ id }: CallNames, { messageExtras }: ResponsesFlavour, content: readonly object[], status: "in_progress" | "completed"): object {
  return { id: `msg_${id}`, content, role: "assistant", status, type: "message", ...messageExtras };
}

function callItem({ id }: CallNames, { calls }: MockBody, index: number, done: boolean): object {
  const call = calls[index];
  const json = done ? call?.arguments : "";
  return {
    id: `fc_${id}_${index}`,
    call_id: `call_${id}_${index}`,
    type: "function_call",
    name: call?.name,
    arguments: json,
    status: done ? "completed" : "in_progress",
  };
}

function outputOf(names: CallNames, body: MockBody, script: AnswerScript, flavour: ResponsesFlavour, usage: Usage): readonly object[] {
  if (body.calls.length > 0) return body.calls.map((_, index) => callItem(names, body, index, true));
  const part = { annotations: [], text: script.text(usage.output), type: "output_text", logprobs: flavour.partLogprobs };
  return [messageItem(names, flavour, [part], "completed")];
}

function callEvents(event: (type: string, fields: object) => string, names: CallNames, body: MockBody, index: number): string {
  const place = { item_id: `fc_${names.id}_${index}`, output_index: index };
  const json = body.calls[index]?.arguments ?? "";
  return (
    event("response.output_item.added", { item: callItem(names, body, index, false), output_index: index }) +
    event("response.function_call_arguments.delta", { ...place, delta: json }) +
    event("response.function_call_arguments.done", { ...place, arguments: json, name: body.calls[index]?.name }) +
    event("response.output_item.done", { item: callItem(names, body, index, true), output_index: index })
  );
}
