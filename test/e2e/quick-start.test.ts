import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { cacheFolder } from "../../router/commands/quick-start.ts";
import { headgate } from "../support/headgate.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("a command keeps what it compiled in the user's cache folder, and says the same from it", () => {
  const caches = temporaryFolder();
  const env = { XDG_CACHE_HOME: caches, NODE_COMPILE_CACHE: "", NODE_DISABLE_COMPILE_CACHE: undefined };
  const first = headgate(["profiles", "--json"], env);
  expect(first.status).toBe(0);
  const [version = ""] = readdirSync(path.join(caches, "headgate"));
  expect(readdirSync(path.join(caches, "headgate", version)).length).toBeGreaterThan(10);
  expect(headgate(["profiles", "--json"], env)).toMatchObject({ status: 0, stdout: first.stdout, stderr: first.stderr });
});

test("a folder that cannot be written is done without", () => {
  const file = path.join(temporaryFolder({ taken: "a file" }), "taken");
  const ran = headgate(["profiles", "--json"], { XDG_CACHE_HOME: file, NODE_COMPILE_CACHE: "" });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
});

test("which folder: the one named for Node, else below the user's; none where there is no home", () => {
  const home = temporaryFolder();
  const missing = path.join(home, "missing");
  expect(cacheFolder({ NODE_COMPILE_CACHE: "/own", HOME: home })).toBe("/own");
  expect(cacheFolder({ HOME: home })).toBe(path.join(home, ".cache", "headgate"));
  expect(cacheFolder({ HOME: "/", XDG_CACHE_HOME: home })).toBe(path.join(home, "headgate"));
  expect(cacheFolder({ HOME: missing })).toBe(null);
  expect(cacheFolder({ HOME: home, XDG_CACHE_HOME: missing })).toBe(null);
  expect(cacheFolder({})).toBe(null);
  expect(existsSync(missing)).toBe(false);
});
