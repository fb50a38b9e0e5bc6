import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { projectRoot } from "../support/project-root.ts";

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** What a service exports of its own; Node's and the process's come from the client library. */
function familiesIn(exposition: string): readonly Family[] {
  const types = new Map([...exposition.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
  return [...exposition.matchAll(/^# HELP (\S+) (.*)$/gm)]
    .map(([, name = "", help = ""]) => ({ name, help, type: types.get(name) ?? "" }))
    .filter(({ name }) => !/^(process|nodejs)_/.test(name));
}

function rowsOf(page: string): readonly (Family & { readonly labels: readonly string[] })[] {
  const rows = page.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$/gm);
  return [...rows].map(([, name = "", type = "", labels = "", help = ""]) => ({
    name,
    type,
    help,
    labels: labels
      .split(",")
      .map((label) => label.trim())
      .filter((label) => label !== ""),
  }));
}

async function exposition(): Promise<string> {
  const live = await startLive({
    providers: ["vllm"],
    price: "{ input: 1, output: 2 }",
    more: "signals: { every: 1s }\nlimits: [{ budget: { dollars: 5, per: day } }]",
    deployment: ", probe: { every: 100ms }",
  });
  await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hi" }], user: "u" });
  await expect(live.client.chat.completions.create({ model: "none", messages: [] })).rejects.toMatchObject({ status: 404 });
  return live.scrape();
}

test("docs/metrics.md names every metric of a service with its type, its labels and what it is, and no other", async () => {
  const text = await exposition();
  const rows = rowsOf(readFileSync(path.join(projectRoot, "docs/metrics.md"), "utf8"));
  const byName = (one: Family, other: Family): number => (one.name < other.name ? -1 : 1);
  expect(rows.map(({ name, type, help }) => ({ name, type, help })).toSorted(byName)).toEqual(familiesIn(text).toSorted(byName));
  for (const { name, labels } of rows) {
    const sample = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, "m").exec(text)?.[1];
    const inSample = [...(sample ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== "le");
    if (sample !== undefined) expect(new Set(inSample), name).toEqual(new Set(labels));
  }
});

test("promtool has nothing against them, where it is installed", async (context) => {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
  } catch {
    context.skip("promtool is not installed");
  }
  expect(execFileSync("promtool", ["check", "metrics"], { input: await exposition(), encoding: "utf8" })).toBe("");
});
