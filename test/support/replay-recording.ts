import type { Instant } from "../../router/core/machine.ts";
import type { RouterCommand } from "../../router/core/messages.ts";
import { Router } from "../../router/core/router.ts";
import type { RecordingLine } from "../../router/telemetry/input-recording.ts";

/** The commands of a fresh core that is given the recorded events; at the end it is woken as late as the last recorded command. */
export function replayRecording(lines: readonly RecordingLine[]): RecordingLine[] {
  const [head] = lines;
  if (head?.kind !== "head") throw new Error("the recording has no head");
  const router = new Router(head.config, { seed: head.seed, explain: head.explain });
  const commands: RecordingLine[] = [];
  const out = { emit: (command: RouterCommand, at: Instant) => commands.push({ kind: "command", at, command: structuredClone(command) }) };
  for (const line of lines) if (line.kind === "event") router.handle(line.event, line.at, out);
  const last = lines.at(-1);
  if (last !== undefined && last.kind === "command") router.wake(last.at, out);
  return commands;
}
