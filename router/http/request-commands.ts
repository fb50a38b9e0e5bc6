import type { RouterCommand } from "../core/messages.ts";

type RequestCommand = Extract<RouterCommand, { kind: "start-attempt" | "commit-attempt" | "abort-attempt" | "finish-request" | "record-decision" }>;
export type OtherCommand = Exclude<RouterCommand, RequestCommand>;

/** Of one request's course, as nearly all commands are. */
export function isOfRequest(command: RouterCommand): command is RequestCommand {
  const { kind } = command;
  return kind === "start-attempt" || kind === "finish-request" || kind === "record-decision" || kind === "commit-attempt" || kind === "abort-attempt";
}
