import { jsonSchemas } from "../simulator/scenario/json-schemas.ts";
import { scenarioKeys } from "./scenario-keys.ts";
import { contractTable } from "./contract-table.ts";
import { demoTrace } from "./demo-trace.ts";

/** What is written by program and kept in the repository, by path from its root; a test says whether it is current. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const schemas = Object.entries(jsonSchemas()).map(([name, text]) => [`scenarios/${name}`, text]);
  return Object.fromEntries([
    ...schemas,
    ["docs/request-contract.md", contractTable()],
    ["fixtures/traces/demo.csv", demoTrace()],
    ["docs/scenario-keys.md", scenarioKeys()],
  ]) as Record<string, string>;
}
