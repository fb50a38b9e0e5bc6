import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../../router/config/problem.ts";

/** Before the work whose result is to stand there. @param field the option that names it @throws InputError */
export function checkWritable(file: string, field: string): void {
  try {
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK);
    if (!existsSync(file) || statSync(file).isFile()) return;
  } catch {
    // Said below.
  }
  const fix = "give a file in a folder that exists, and that may be written to";
  throw new InputError([{ file, line: null, column: null, field, message: "cannot be written to", fix }]);
}
