import { writeFileSync } from "node:fs";
import path from "node:path";
import { generatedFiles } from "./generated-files.ts";

/** `node scripts/generate.ts`: writes the JSON Schemas and the demo's trace again. */
for (const [file, text] of Object.entries(generatedFiles())) {
  writeFileSync(path.resolve(import.meta.dirname, "..", file), text);
  process.stdout.write(`wrote ${file}\n`);
}
