import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";

const fixture = path.join(projectRoot, "test/support/command-line-fixture.ts");

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { DEBUG: _debug, ...clean } = process.env;
  return spawnSync(process.execPath, [fixture, ...args], { encoding: "utf8", env: { ...clean, ...env } });
}

test("a command's own exit code stands", () => {
  expect(run(["pass"])).toMatchObject({ status: 0, stdout: "passed\n", stderr: "" });
  expect(run(["verdict"])).toMatchObject({ status: 1, stderr: "" });
});

test("bad input: place, field, message and fix on stderr, exit code 2", () => {
  const { status, stdout, stderr } = run(["bad-input"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toBe("a.yaml:3:5: routes.chat.weight: is negative\n  fix: write 0 or more\n");
});

test("bad input with --json: the problems as data on stdout", () => {
  const { status, stdout } = run(["bad-input", "--json"]);
  expect(status).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ problems: [{ file: "a.yaml", line: 3, column: 5, field: "routes.chat.weight" }] });
});

test("an unknown command is bad usage, with a suggestion", () => {
  const { status, stderr } = run(["verdct"]);
  expect(status).toBe(2);
  expect(stderr).toContain("Did you mean verdict?");
  expect(run(["pass", "--no-such-option"]).status).toBe(2);
  expect(run(["pass", "surplus"]).status).toBe(2);
  expect(run([]).status).toBe(2);
});

test("any other error is internal: exit code 4, its stack only when asked for", () => {
  const { status, stderr } = run(["bug"]);
  expect({ status, stderr }).toEqual({ status: 4, stderr: "internal error: slot 3 is free\n  (--verbose shows where)\n" });
  expect(run(["bug", "--verbose"]).stderr).toContain("command-line-fixture.ts:");
  expect(run(["bug"], { DEBUG: "1" }).stderr).toContain("command-line-fixture.ts:");
  expect(run(["late-bug"])).toMatchObject({ status: 4, stderr: "internal error: slot 4 is free\n  (--verbose shows where)\n" });
});

test("--help and --version pass, and load no command", () => {
  expect(run(["--version"])).toMatchObject({ status: 0, stdout: "1.2.3\n" });
  const { status, stdout } = run(["--help"]);
  expect(status).toBe(0);
  expect(stdout).toContain("must not be loaded by another command");
  expect(run(["broken"])).toMatchObject({ status: 4, stderr: expect.stringContaining("was loaded") });
});

test("a reader that closes the pipe early is no error", () => {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `{ "${process.execPath}" "${fixture}" flood; echo "exit $?" >&2; } | head -n 1`], {
    encoding: "utf8",
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "0\n", stderr: "exit 0\n" });
});
