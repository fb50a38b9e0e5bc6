import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(path.join(projectRoot, "package-lock.json"), "utf8")) as { readonly packages: Readonly<Record<string, Locked>> };
const installed = Object.entries(packages).filter(([place]) => place !== "");

test("every package is pinned by its integrity, and no registry is named", () => {
  expect(installed.filter(([, locked]) => locked.version === undefined || locked.integrity === undefined).map(([place]) => place)).toEqual([]);
  expect(installed.filter(([, locked]) => locked.resolved !== undefined).map(([place]) => place)).toEqual([]);
});

test("the packages of every platform are there: npm ci refuses a lockfile that lacks one", () => {
  const missing = installed.flatMap(([place, locked]) =>
    Object.keys(locked.optionalDependencies ?? {}).filter(
      (name) => packages[`${place}/node_modules/${name}`] === undefined && packages[`node_modules/${name}`] === undefined,
    ),
  );
  expect(missing).toEqual([]);
});
