import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../support/project-root.ts";

const read = (file: string): string => readFileSync(path.join(projectRoot, file), "utf8");

test("docs/errors.md has every code of the table of errors with its status, and no other", () => {
  const source = read("router/http/http-errors.ts");
  // An entry names its status, and its code behind it.
  const inSource = [...source.matchAll(/status: (\d{3}),[^{}]*?code: "(\w+)"/g)].map(([, status, code]) => `${status} ${code}`);
  const named = [...source.matchAll(/code: "(\w+)"/g)].map(([, code]) => code);
  expect(new Set(inSource.map((entry) => entry.split(" ")[1]))).toEqual(new Set(named.filter((code) => code !== "untranslatable")));
  const inDocs = [...read("docs/errors.md").matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)].map(([, status, code]) => `${status} ${code}`);
  // It takes the place of another 400's code.
  expect(new Set(inDocs)).toEqual(new Set([...inSource, "400 untranslatable"]));
  expect(new Set(inDocs).size).toBe(inDocs.length);
});
