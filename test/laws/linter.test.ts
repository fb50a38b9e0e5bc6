import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const repeated = (line: string, times: number): string => Array.from({ length: times }, () => line).join("\n");

/** One violation per rule; the file's name says which. */
const planted: Readonly<Record<string, string>> = {
  "import(no-cycle)": 'import { other } from "../other.ts";\nexport const here = (): unknown => other;',
  "import(no-default-export)": "export default 1;",
  "typescript(no-floating-promises)": "const work = async (): Promise<void> => {};\nexport const run = (): void => {\n  work();\n};",
  "typescript(no-misused-promises)": "const ready = async (): Promise<boolean> => true;\nexport const run = (): number => (ready() ? 1 : 2);",
  "typescript(switch-exhaustiveness-check)":
    'export function run(kind: "a" | "b"): number {\n  switch (kind) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}',
  "typescript(consistent-type-imports)": 'import { Shape } from "../other.ts";\nexport const shape: Shape = { side: 1 };',
  "typescript(no-explicit-any)": "export const x: any = 1;",
  "typescript(no-non-null-assertion)": "export const first = (list: readonly number[]): number => list[0]!;",
  "eslint(complexity)": `export function run(n: number): number {\n${repeated("  if (n > 1) return n;", 16)}\n  return 0;\n}`,
  "eslint(max-lines)": repeated("export {};", 401),
  "eslint(max-lines-per-function)": `export function run(): number {\n  let n = 0;\n${repeated("  n += 1;", 70)}\n  return n;\n}`,
  "eslint(no-restricted-globals)": "export const now = new Date();",
  "eslint(no-restricted-properties)": "export const luck = Math.random();",
};

test("each rule of the linter's configuration catches a planted violation", () => {
  const names = Object.keys(planted);
  const fileOf = (rule: string): string => `core/${rule.replaceAll(/\W+/g, "-")}.ts`;
  const configuration = Object.fromEntries(
    [".oxlintrc.json", "tsconfig.base.json", "package.json"].map((file) => [file, readFileSync(path.join(projectRoot, file), "utf8")]),
  );
  const folder = temporaryFolder({
    ...configuration,
    "tsconfig.json": JSON.stringify({ extends: "./tsconfig.base.json", include: ["**/*.ts"] }),
    "other.ts": `import { here } from "./${fileOf("import(no-cycle)")}";\nexport interface Shape {\n  readonly side: number;\n}\nexport const other = here;\n`,
    ...Object.fromEntries(names.map((rule) => [fileOf(rule), `${planted[rule] ?? ""}\n`])),
  });
  symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));

  const oxlint = path.join(projectRoot, "node_modules/oxlint/bin/oxlint");
  const run = spawnSync(process.execPath, [oxlint, "--format", "json", "core", "other.ts"], { cwd: folder, encoding: "utf8" });
  const { diagnostics } = JSON.parse(run.stdout) as { readonly diagnostics: readonly { readonly code: string; readonly filename: string }[] };
  const caught = new Set(diagnostics.map((diagnostic) => `${diagnostic.filename} ${diagnostic.code}`));
  expect(names.filter((rule) => !caught.has(`${fileOf(rule)} ${rule}`))).toEqual([]);
  expect(run.status).toBe(1);
});

test("every rule that the configuration names is among those planted", () => {
  const configuration = JSON.parse(readFileSync(path.join(projectRoot, ".oxlintrc.json"), "utf8")) as {
    readonly rules: Readonly<Record<string, unknown>>;
    readonly overrides: readonly { readonly rules: Readonly<Record<string, unknown>> }[];
  };
  const switchedOn = [configuration, ...configuration.overrides].flatMap(({ rules }) => Object.keys(rules).filter((rule) => rules[rule] !== "off"));
  const codes = switchedOn.map((rule) => (rule.includes("/") ? rule.replace(/^(\w+)\/(.*)$/, "$1($2)") : `eslint(${rule})`));
  expect(codes.filter((code) => planted[code] === undefined)).toEqual([]);
});
