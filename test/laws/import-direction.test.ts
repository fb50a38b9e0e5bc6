import { spawnSync } from "node:child_process";
import { globSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Folders with a tsconfig.json, and the folders that each refers to. */
const references: ReadonlyMap<string, readonly string[]> = new Map(
  globSync("{router,simulator}/*/tsconfig.json", { cwd: projectRoot })
    .map((file) => path.posix.dirname(file.split(path.sep).join("/")))
    .sort((one, other) => (one < other ? -1 : 1))
    .map((folder) => [folder, referencesOf(folder)]),
);

function referencesOf(folder: string): readonly string[] {
  const config = JSON.parse(readFileSync(path.join(projectRoot, folder, "tsconfig.json"), "utf8")) as { references?: readonly { path: string }[] };
  return (config.references ?? []).map((reference) => path.posix.join(folder, reference.path));
}

function reachableFrom(folder: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const target of references.get(next) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      pending.push(target);
    }
  }
  return reached;
}

test("router/core refers to nothing, simulator/core to router/core alone", () => {
  expect(references.get("router/core")).toEqual([]);
  expect(references.get("simulator/core")).toEqual(["router/core"]);
});

test("the router never refers to the simulator, nor the simulator to what serves and sends", () => {
  const servingFolders = ["router/http", "router/upstream", "router/providers"];
  for (const folder of references.keys()) {
    const reached = [...reachableFrom(folder)];
    const forbidden = folder.startsWith("router/")
      ? reached.filter((target) => target.startsWith("simulator/"))
      : reached.filter((target) => servingFolders.includes(target));
    expect({ folder, forbidden }).toEqual({ folder, forbidden: [] });
  }
});

/** The project's own settings over planted files: `planted` exports a value from every folder, and `wrong` in `from` imports that of `to`. */
function compile(files: Readonly<Record<string, string>>, build: string): string {
  const configs = Object.fromEntries(
    ["package.json", "tsconfig.base.json", ...[...references.keys()].map((folder) => `${folder}/tsconfig.json`)].map((file) => [
      file,
      readFileSync(path.join(projectRoot, file), "utf8"),
    ]),
  );
  const planted = Object.fromEntries([...references.keys()].map((folder) => [`${folder}/planted.ts`, "export const planted = 1;\n"]));
  const folder = temporaryFolder({ ...configs, ...planted, ...files });
  symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
  const tsc = path.join(projectRoot, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-b", build], { cwd: folder, encoding: "utf8" }).stdout;
}

const importOf = (from: string, to: string): string => `import { planted } from "${path.posix.relative(from, to)}/planted.ts";\nexport const used = planted;\n`;

const wrongWays: readonly (readonly [from: string, to: string])[] = [
  ["router/core", "router/drivers"],
  ["router/core", "router/config"],
  ["router/core", "simulator/core"],
  ["simulator/core", "router/config"],
  ["simulator/core", "simulator/result"],
  ["simulator/mock", "router/http"],
  ["simulator/load", "router/upstream"],
  ["simulator/run", "router/providers"],
  ["router/http", "simulator/mock"],
  ["router/commands", "simulator/core"],
];

test.each(wrongWays)("%s importing %s is a compile error", (from, to) => {
  expect(compile({ [`${from}/wrong.ts`]: importOf(from, to) }, from)).toMatch(new RegExp(`${from}/wrong\\.ts.*error TS6307`));
});

test("an import in the allowed direction compiles", () => {
  const files = {
    "simulator/core/right.ts": importOf("simulator/core", "router/core"),
    "simulator/mock/right.ts": importOf("simulator/mock", "router/drivers"),
  };
  expect(compile(files, "simulator/mock")).toBe("");
});

const ambient: readonly string[] = [
  'import { readFileSync } from "node:fs"; export const x = readFileSync;',
  "setTimeout(() => 1, 1);",
  "process.exit();",
  'console.log("x");',
  'export const x = fetch("x");',
  'export const x = Buffer.from("x");',
];

test("timers, process, console, fetch and node: cannot be named in a core", () => {
  for (const core of ["router/core", "simulator/core"]) {
    const files = Object.fromEntries(ambient.map((source, place) => [`${core}/ambient-${place}.ts`, `${source}\nexport {};\n`]));
    const answer = compile(files, core);
    for (const name of Object.keys(files)) expect(answer).toContain(`${name}(1,`);
  }
});
