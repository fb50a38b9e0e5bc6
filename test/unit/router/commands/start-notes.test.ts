import path from "node:path";
import { expect, test } from "vitest";
import { startNotes } from "../../../../router/commands/start-notes.ts";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

test("says whose keys go without TLS to a name, which may be made to lead elsewhere", async () => {
  const yaml = `
deployments:
  named: { provider: vllm, model: m, endpoints: ["http://pool.invalid:9"], key: "\${KEY}" }
  address: { provider: vllm, model: m, endpoints: ["http://127.0.0.1:9"], key: "\${KEY}" }
  secure: { provider: vllm, model: m, endpoints: ["https://pool.invalid:9"], key: "\${KEY}" }
  open: { provider: vllm, model: m, endpoints: ["http://other.invalid:9"] }
routes:
  chat: { deployments: [named, address, secure, open] }
`;
  const notes = await startNotes(loadConfig(path.join(temporaryFolder({ "headgate.yaml": yaml }), "headgate.yaml"), { KEY: "sk-one" }));
  expect(notes.filter((note) => note.startsWith("keys: without TLS"))).toEqual(["keys: without TLS for named; whoever such a name leads to gets the key"]);
});
