import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findImpurities, pureFolders } from "../../scripts/find-impurities.ts";
import { projectRoot } from "../support/project-root.ts";

describe("the cores are pure", () => {
  for (const folder of Object.keys(pureFolders)) {
    test(folder, () => {
      const files = globSync(`${folder}/**/*.ts`, { cwd: projectRoot }).map((file) => file.split(path.sep).join("/"));
      expect(files.length).toBeGreaterThan(0);
      const found = files.flatMap((file) => findImpurities(file, readFileSync(path.join(projectRoot, file), "utf8")));
      expect(found).toEqual([]);
    });
  }
});

const planted: readonly (readonly [source: string, what: RegExp])[] = [
  ["const now = Date.now();", /Date is ambient/],
  ["const clock = { Date };", /Date is ambient/],
  ["const now = performance.now();", /performance is ambient/],
  ["const order = new Intl.Collator();", /Intl is ambient/],
  ["const now = globalThis['Date'].now();", /globalThis is ambient/],
  ["const run = new Function('return 1');", /Function is ambient/],
  ["const m = Math;", /Math under another name/],
  ["const { log } = Math;", /Math under another name/],
  ["const x = Math['log'](2);", /Math under another name/],
  ["const f = (m = Math) => m.log(2);", /Math under another name/],
  ["const x = Math.log(2);", /Math\.log is not among/],
  ["const x = Math.round(2.5);", /Math\.round is not among/],
  ["const x = Math.random();", /Math\.random is not among/],
  ["const x = Math?.pow(2, 3);", /Math\.pow is not among/],
  ["const x = 2 ** 3;", /`\*\*` differs/],
  ["let x = 2; x **= 3;", /`\*\*` differs/],
  ["const x = 'a'.localeCompare('b');", /localeCompare depends/],
  ["const x = 'a'['localeCompare']('b');", /localeCompare depends/],
  ["const { localeCompare } = 'a';", /localeCompare depends/],
  ["const x = (1000).toLocaleString();", /toLocaleString depends/],
  ["const x = [2, 10].sort();", /sort without a comparator/],
  ["const x = [2, 10]?.toSorted();", /sort without a comparator/],
  ["const x = [2, 10]['sort']();", /sort without a comparator/],
  ["const x = new Array(2); x.sort();", /sort without a comparator/],
  ["export default 1;", /default export/],
  ["const x = 1; export { x as default };", /default export/],
  ["const x = import.meta.url;", /import\.meta/],
  ["import fs from 'node:fs';", /import of node:fs/],
  ["import type { X } from 'undici';", /import of undici/],
  ["import { x } from '../drivers/realtime-driver.ts';", /import of router\/drivers/],
  ["import { x } from '../../simulator/core/world.ts';", /import of simulator\/core/],
  ["export { x } from '../config/problem.ts';", /import of router\/config/],
  ["export * from '../core-like/x.ts';", /import of router\/core-like/],
  ["const x = await import('../drivers/x.ts');", /import of router\/drivers/],
  ["const name = './x.ts'; const x = await import(name);", /computed name/],
  ["type X = import('../http/x.ts').X;", /import of router\/http/],
];

const innocent: readonly string[] = [
  "// Date.now() and 2 ** 3 in a comment",
  "const x = 'Date.now() in a string';",
  "interface X { readonly performance: number; Date(): void }",
  "const x = { Date: 1, performance: 2 }; const y = x.performance + x.Date;",
  "const x = Math.floor(1.5) + Math.imul(2, 3) + Math.sqrt(2);",
  "const x = [2, 10].sort((a, b) => a - b);",
  "const x = (values: Float64Array) => values.sort();",
  "const x = new Uint32Array(2); x.sort();",
  "import { never } from './time.ts';",
  "import type { Instant } from '../core/machine.ts';",
];

describe("a planted impurity is caught", () => {
  test.each(planted)("%s", (source, what) => {
    const found = findImpurities("router/core/planted.ts", `const before = 1;\n${source}`);
    expect(found.map((impurity) => impurity.what).join("\n")).toMatch(what);
    expect(found.every((impurity) => impurity.line === 2)).toBe(true);
  });

  test("simulator/core may import router/core, and nothing else of the router", () => {
    expect(findImpurities("simulator/core/engine/x.ts", "import { never } from '../../../router/core/time.ts';")).toEqual([]);
    expect(findImpurities("simulator/core/engine/x.ts", "import { x } from '../../../router/config/problem.ts';")).toHaveLength(1);
    expect(findImpurities("simulator/core/engine/x.ts", "import { x } from '../../result/read.ts';")).toHaveLength(1);
  });

  test("numeric.ts may round, and still not take a logarithm from Math", () => {
    expect(findImpurities("router/core/numeric.ts", "const x = Math.round(1.5) * Math.LN2;")).toEqual([]);
    expect(findImpurities("router/core/numeric.ts", "const x = Math.log(2);")).toHaveLength(1);
    expect(findImpurities("router/core/numeric.ts", "const x = 2 ** 3;")).toHaveLength(1);
  });
});

test.each(innocent)("innocent: %s", (source) => {
  expect(findImpurities("router/core/planted.ts", source)).toEqual([]);
});
