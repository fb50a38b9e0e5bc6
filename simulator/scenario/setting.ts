import { parseDocument } from "yaml";
import { InputError } from "../../router/config/problem.ts";
import type { FieldPath } from "../../router/config/yaml-source.ts";

/** One `--set path=value`. Numbers in the path are places in lists; a name with a dot stands in quotes. */
export interface Setting {
  /** As it was written, with the option's name: what problems call its place. */
  readonly option: string;
  readonly path: FieldPath;
  readonly value: unknown;
}

/** @throws InputError */
export function parseSetting(text: string): Setting {
  const option = `--set ${text}`;
  const match = /^((?:"[^"]+"|[^".=\s]+)(?:\.(?:"[^"]+"|[^".=\s]+))*)=(.*)$/s.exec(text);
  const [, written = "", valueText = ""] = match ?? [];
  if (match === null) throw badSetting(option, "is not a path and a value", "write --set fleet.pool-a.replicas=3");
  const document = parseDocument(valueText);
  const error = document.errors[0];
  if (error !== undefined)
    throw badSetting(option, `its value is not YAML: ${error.message}`, "write the value as it would stand in the file, in quotes for the shell");
  const path = [...written.matchAll(/"([^"]+)"|([^".]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  return { option, path, value: document.toJS() as unknown };
}

export function badSetting(option: string, message: string, fix: string): InputError {
  return new InputError([{ file: option, line: null, column: null, field: null, message, fix }]);
}
