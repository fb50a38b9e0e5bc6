import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
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
  throw notWritable(file, field, "give a file in a folder that exists, and that may be written to");
}

/** Makes the folder where it is not there. @throws InputError */
export function checkFolder(folder: string, field: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch {
    throw notWritable(folder, field, "give a folder that may be made, or be written to");
  }
}

function notWritable(file: string, field: string, fix: string): InputError {
  return new InputError([{ file, line: null, column: null, field, message: "cannot be written to", fix }]);
}
