import { isAbsolute, join } from "node:path";

/** A path as a file names it: relative to the folder in which that file lies, or absolute. */
export function pathFrom(folder: string, name: string): string {
  return isAbsolute(name) ? name : join(folder, name);
}
