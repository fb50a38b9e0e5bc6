import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { headgate } from "../support/headgate.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** The demo's first minute, and the same under another name. */
function folderWith(...names: readonly string[]): string {
  const folder = temporaryFolder();
  const demo = path.relative(folder, path.join(projectRoot, "scenarios/demo.yaml"));
  for (const name of names) writeFileSync(path.join(folder, `${name}.yaml`), `extends: ${demo}\ntrace: { rows: 120 }\nfaults: []\nwarmUp: 5s\n`);
  return folder;
}

/** One worker: so little is done that starting a second takes longer. */
const verify = (...args: readonly string[]): ReturnType<typeof headgate> => headgate(["verify", ...args, "--workers", "1"]);

test("headgate verify: the first run writes the baseline, the next compares, a slower engine fails, --update takes it over", () => {
  const folder = folderWith("one", "two");
  const baseline = path.join(folder, "baseline.json");
  const slower = "fleet.gpu-pool.engine.calibration.scale=1.3";

  const strict = verify(folder, "--require-baseline");
  expect(strict.status).toBe(2);
  expect(strict.stderr).toContain("run once without --require-baseline");

  const first = headgate(["verify", folder]);
  expect(first.status, first.stderr).toBe(0);
  expect(first.stdout).toContain("nothing was compared");
  const written = readFileSync(baseline, "utf8");

  const second = verify(folder, "--require-baseline", "--json");
  expect(second.status).toBe(0);
  const result = JSON.parse(second.stdout) as { scenarios: { compared: { change: string }[] }[] };
  expect(new Set(result.scenarios.flatMap(({ compared }) => compared.map(({ change }) => change)))).toEqual(new Set(["equal"]));

  const [junit, markdown] = [path.join(folder, "junit.xml"), path.join(folder, "summary.md")];
  const worse = verify(folder, "--set", slower, "--junit", junit, "--markdown", markdown);
  expect(worse.status).toBe(1);
  expect(worse.stdout).toMatch(/worse: tpotMeanMs .* worse/);
  expect(readFileSync(junit, "utf8")).toMatch(/<testcase classname="one" name="baseline tpotMeanMs"><failure message="tpotMeanMs /);
  expect(readFileSync(markdown, "utf8")).toContain("| one | ❌ fail | 3 |");
  expect(readFileSync(baseline, "utf8")).toBe(written);

  const update = verify(folder, "--set", slower, "--update");
  expect(update.status).toBe(0);
  expect(update.stdout).toMatch(/worse: tpotMeanMs/);
  expect(update.stdout).toMatch(/verdict: pass\n$/);
  expect(verify(folder, "--set", slower).status).toBe(0);
});

test("headgate verify: what does not fit the budget is said, and inconclusive; a target that is missed fails; bad input is named", () => {
  const folder = folderWith("one");
  const late = verify(folder, "--budget", "1ms", "--inconclusive", "fail");
  expect(late.status).toBe(3);
  expect(late.stdout).toContain("the time was over before it could run");
  expect(verify(folder, "--budget", "1ms").status).toBe(0);

  const missed = verify(folder, "--set", "targets.ttftP95Ms.max=1");
  expect(missed.status).toBe(1);
  expect(missed.stdout).toMatch(/fail: ttftP95Ms <= 1: /);

  const empty = verify(temporaryFolder());
  expect(empty.status).toBe(2);
  expect(empty.stderr).toContain("has no scenarios");
  const file = path.join(folder, "one.yaml");
  expect(verify(file)).toMatchObject({ status: 2, stderr: expect.stringContaining("is no folder that can be read") });
  for (const option of ["--junit", "--markdown"]) {
    const refused = verify(folder, option, option === "--junit" ? "/no/such/folder/junit.xml" : folder);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(`${option}: cannot be written to`) });
    // Before anything ran, not behind it.
    expect(refused.stderr).not.toContain("ran one");
  }
  const broken = folderWith("one", "two");
  const mistaken = verify(broken, "--set", "warmUp=soon");
  expect(mistaken.status).toBe(2);
  expect(mistaken.stderr.match(/warmUp/g)?.length).toBeGreaterThan(2);
  writeFileSync(path.join(folder, "baseline.json"), "{}");
  expect(verify(folder).status).toBe(2);
});

test("a budget that is over before anything ran leaves no baseline behind", () => {
  const folder = folderWith("one");
  verify(folder, "--budget", "1ms");
  expect(existsSync(path.join(folder, "baseline.json"))).toBe(false);
});
