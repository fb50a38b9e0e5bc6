import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fleetProviders, type LiveFleet, startLiveFleet } from "../support/live-fleet.ts";
import { projectRoot } from "../support/project-root.ts";
import { pythonWithClients } from "../support/python-clients.ts";

/** Unmodified clients of PyPI: each check of test/support/python_clients.py, served by each provider. */
const python = pythonWithClients();
let live: LiveFleet;
beforeAll(async () => {
  live = await startLiveFleet();
});
afterAll(async () => live.close());

test("openai and anthropic of PyPI, served by every provider", async ({ skip }) => {
  if (python.kind === "absent") {
    process.stderr.write(`SKIPPED: the clients of PyPI are not there (${python.why})\n`);
    skip();
    return;
  }
  const script = path.join(projectRoot, "test/support/python_clients.py");
  // Not in this thread: the service runs in it.
  const ran = await promisify(execFile)(python.executable, [script, live.running.url, ...fleetProviders]).catch((error: { stdout: string }) => error);
  const results = ran.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { check: string; model: string; ok: boolean; why?: string });
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results).toHaveLength(11 * fleetProviders.length);
}, 300_000);
