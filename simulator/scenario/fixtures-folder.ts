import path from "node:path";

/** From the sources and from a built package, which lies one folder deeper. */
export function fixturesFolder(name: string): string {
  const root = path.resolve(import.meta.dirname, "../..");
  return path.resolve(path.basename(root) === "dist" ? path.dirname(root) : root, "fixtures", name);
}
