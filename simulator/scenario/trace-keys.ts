import { valueAt } from "../../router/config/value-at.ts";
import type { Problem } from "../../router/config/problem.ts";
import { problemIn, type YamlPlace } from "../../router/config/yaml-problems.ts";
import type { FieldPath } from "../../router/config/yaml-source.ts";
import type { TraceInfo } from "./loaded-scenario.ts";

interface IdleKey {
  readonly path: FieldPath;
  readonly message: string;
  readonly fix: string;
}

const forColumns = { message: "is only for the format columns: others know their columns and units", fix: "leave it out, or write format: columns" };
const forInstants = (what: string) => ({ message: `does nothing for sessions: ${what}`, fix: "leave it out" });

const whereNotColumns: readonly IdleKey[] = [
  { path: ["trace", "map"], ...forColumns },
  { path: ["trace", "timeUnit"], ...forColumns },
];
const whereClosed: readonly IdleKey[] = [
  { path: ["trace", "speed"], ...forInstants("each call waits for the answer before it; sessions.atOnce is how many there are at a time") },
  { path: ["trace", "jitter"], ...forInstants("their calls have no instants to be spread") },
  { path: ["trace", "features"], ...forInstants("no features are drawn for their calls") },
  { path: ["batches"], ...forInstants("their calls never wait") },
];
const whereOpen: readonly IdleKey[] = [
  { path: ["trace", "sessions"], message: "is only for traces of sessions: these requests come at recorded instants", fix: "leave it out" },
];

/** Keys of a scenario that the trace which it names has no use for. @param value the scenario as it was written */
export function idleKeys(place: YamlPlace, value: object, { format, loop }: Pick<TraceInfo, "format" | "loop">): readonly Problem[] {
  const keys = [...(format === "columns" ? [] : whereNotColumns), ...(loop === "closed" ? whereClosed : whereOpen)];
  return keys.filter(({ path }) => asksForSomething(valueAt(value, path))).map(({ path, message, fix }) => problemIn(place, path, "key", message, fix));
}

/** As nothing, `batches: false` and `speed: 1` do not. */
const asksForSomething = (value: unknown): boolean => value !== undefined && value !== false && value !== 1;
