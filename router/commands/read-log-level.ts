import { suggestion } from "../config/nearest.ts";
import { InputError } from "../config/problem.ts";
import type { Environment } from "../config/secret.ts";
import { type LogLevel, logLevels } from "../telemetry/decision-log.ts";

/** LOG_LEVEL, in either case; absent: info. @throws InputError where it is none */
export function readLogLevel({ LOG_LEVEL: given = "" }: Environment): LogLevel {
  const wanted = given.trim().toLowerCase();
  const level = wanted === "" ? "info" : logLevels.find((known) => known === wanted);
  if (level !== undefined) return level;
  const fix = suggestion(wanted, logLevels);
  throw new InputError([{ file: "environment", line: null, column: null, field: "LOG_LEVEL", message: `"${given}" is no level`, fix }]);
}
