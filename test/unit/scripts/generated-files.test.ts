import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { generatedFiles } from "../../../scripts/generated-files.ts";
import { projectRoot } from "../../support/project-root.ts";

test.each(Object.entries(generatedFiles()))("%s is current (else: node scripts/generate.ts)", (file, text) => {
  expect(readFileSync(path.join(projectRoot, file), "utf8")).toBe(text);
});
