import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const { version } = JSON.parse(readFileSync(path.join(projectRoot, "package.json"), "utf8")) as { readonly version: string };

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], cwd: string, searchPath: string = process.env["PATH"] ?? ""): Answer {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", env: { ...process.env, PATH: searchPath } });
  return { status, stdout, stderr };
}

function writeProgram(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\nfor last; do :; done\n${text}\n`);
  chmodSync(file, 0o755);
}

test("./headgate works from another folder, through links, and by the PATH", () => {
  const folder = temporaryFolder();
  const launcher = path.join(projectRoot, "headgate");
  symlinkSync(launcher, path.join(folder, "absolute"));
  symlinkSync(path.relative(folder, launcher), path.join(folder, "relative"));
  symlinkSync("relative", path.join(folder, "twice"));
  const expected = { status: 0, stdout: `${version}\n`, stderr: "" };
  for (const command of [launcher, "./absolute", "./relative", "./twice"]) expect(run(command, ["--version"], folder)).toEqual(expected);
  expect(run("sh", ["headgate", "--version"], projectRoot)).toEqual(expected);
  expect(run("sh", ["-c", "twice --version"], folder, `${folder}:${process.env["PATH"] ?? ""}`)).toEqual(expected);
});

/** A checkout with the launcher and, where asked for, installed packages whose Node answers with `ownVersion`. */
function checkout(ownVersion: string | null): string {
  const folder = temporaryFolder({ "headgate.ts": "" });
  copyFileSync(path.join(projectRoot, "headgate"), path.join(folder, "headgate"));
  mkdirSync(path.join(folder, "node_modules/commander"), { recursive: true });
  if (ownVersion !== null) writeProgram(path.join(folder, "node_modules/.bin/node"), `[ "$1" = --version ] && echo ${ownVersion} || echo own "$last"`);
  return folder;
}

test("its own Node comes first, then one on the PATH that is new enough", () => {
  const tools = temporaryFolder();
  const searchPath = `${tools}:/usr/bin:/bin`;
  writeProgram(path.join(tools, "node"), '[ "$1" = --version ] && echo v26.1.0 || echo "path $last"');
  expect(run("./headgate", ["x"], checkout("v24.2.0"), searchPath)).toMatchObject({ status: 0, stdout: "own x\n" });
  expect(run("./headgate", ["x"], checkout("v22.0.0"), searchPath)).toMatchObject({ status: 0, stdout: "path x\n" });
  expect(run("./headgate", ["x"], checkout(null), searchPath)).toMatchObject({ status: 0, stdout: "path x\n" });
});

test("on a single core the garbage collector has no threads of its own", () => {
  const tools = temporaryFolder();
  writeProgram(path.join(tools, "node"), '[ "$1" = --version ] && echo v26.1.0 || echo "$1"');
  const argumentsOn = (cores: number): string => {
    writeProgram(path.join(tools, "nproc"), `echo ${cores}`);
    return run("./headgate", ["x"], checkout(null), `${tools}:/usr/bin:/bin`).stdout;
  };
  expect(argumentsOn(1)).toBe("--single-threaded-gc\n");
  expect(argumentsOn(2)).toMatch(/headgate\.ts\n$/);
});

test("the service starts with a young generation of its own size", () => {
  const tools = temporaryFolder();
  writeProgram(path.join(tools, "node"), '[ "$1" = --version ] && echo v26.1.0 || echo "$@"');
  writeProgram(path.join(tools, "nproc"), "echo 2");
  const argumentsOf = (command: string): string => run("./headgate", [command], checkout(null), `${tools}:/usr/bin:/bin`).stdout;
  expect(argumentsOf("serve")).toMatch(/^--min-semi-space-size=16 --max-semi-space-size=16 --heap-growing-percent=300 .*headgate\.ts serve\n$/);
  expect(argumentsOf("simulate")).toMatch(/^\/.*headgate\.ts simulate\n$/);
});

test("a Node that does not know one of the flags is started without it, and that is said", () => {
  const tools = temporaryFolder();
  const refuse = 'case "$*" in *--heap-growing-percent*) echo "node: bad option" >&2; exit 9;; esac';
  writeProgram(path.join(tools, "node"), `${refuse}\n[ "$1" = --version ] && echo v26.1.0 || echo "$@"`);
  writeProgram(path.join(tools, "nproc"), "echo 2");
  const { status, stdout, stderr } = run("./headgate", ["serve"], checkout(null), `${tools}:/usr/bin:/bin`);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^--min-semi-space-size=16 --max-semi-space-size=16 \/.*headgate\.ts serve\n$/);
  expect(stderr).toBe(
    "headgate: this Node (v26.1.0) does not take all of --min-semi-space-size=16 --max-semi-space-size=16 --heap-growing-percent=300; it starts with --min-semi-space-size=16 --max-semi-space-size=16\n",
  );
});

test("with an old Node alone it says in one line what is missing", () => {
  const tools = temporaryFolder();
  writeProgram(path.join(tools, "node"), "echo v20.20.2");
  const { status, stdout, stderr } = run("./headgate", [], checkout(null), `${tools}:/usr/bin:/bin`);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^headgate: Node >= 24 is missing \(on the PATH: v20\.20\.2\).*\n$/);
});

test("without installed packages it says how to install them", () => {
  const folder = temporaryFolder();
  copyFileSync(path.join(projectRoot, "headgate"), path.join(folder, "headgate"));
  const { status, stderr } = run("./headgate", [], folder);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^headgate: its dependencies are not installed.*\n$/);
});

const lockfile = (version_: string): string => JSON.stringify({ lockfileVersion: 3, packages: { "": {}, "node_modules/a": { version: version_ } } });

/** A checkout whose `npm` writes down that it was called and leaves what `npm ci` would. */
function setupCheckout(nodeVersion: string | null): { readonly folder: string; readonly setup: () => Answer } {
  const folder = temporaryFolder({ "package-lock.json": lockfile("1.0.0"), "second.cjs": "console.log('second', ...process.argv.slice(2));" });
  mkdirSync(path.join(folder, "scripts"));
  copyFileSync(path.join(projectRoot, "scripts/setup.cjs"), path.join(folder, "scripts/setup.cjs"));
  const install = `echo "npm $1" >> calls; mkdir -p node_modules/node/bin; cp package-lock.json node_modules/.package-lock.json`;
  const node =
    nodeVersion === null
      ? ""
      : `; printf '#!/bin/sh\\n[ "$1" = --version ] && echo ${nodeVersion} || exec "${process.execPath}" "$@"\\n' > node_modules/node/bin/node; chmod +x node_modules/node/bin/node`;
  writeProgram(path.join(folder, "tools/npm"), `[ "$1" = ci ] || { echo true; exit; }; ${install}${node}`);
  writeProgram(path.join(folder, "tools/node"), "echo v20.20.2");
  const setup = (): Answer => run(process.execPath, ["scripts/setup.cjs", "second.cjs", "x"], folder, `${folder}/tools:/usr/bin:/bin`);
  return { folder, setup };
}

const callsIn = (folder: string): string => readFileSync(path.join(folder, "calls"), "utf8");

test("setup installs once, again when the lockfile changes, and then starts the second step with the new Node", () => {
  const { folder, setup } = setupCheckout("v24.9.9");
  expect(setup()).toMatchObject({ status: 0, stdout: "second x\n" });
  expect(setup()).toMatchObject({ status: 0, stdout: "second x\n", stderr: "" });
  expect(callsIn(folder)).toBe("npm ci\n");
  writeFileSync(path.join(folder, "package-lock.json"), lockfile("1.0.1"));
  expect(setup().status).toBe(0);
  expect(callsIn(folder)).toBe("npm ci\nnpm ci\n");
});

test("setup with install scripts off says in one line what is missing", () => {
  const { status, stdout, stderr } = setupCheckout(null).setup();
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/\nheadgate: Node >= 24 is missing: .*install scripts are off.*npm rebuild node --ignore-scripts=false.*\n$/);
});

test("setup never installs through a linked node_modules", () => {
  const { folder, setup } = setupCheckout("v24.9.9");
  const elsewhere = temporaryFolder({ ".package-lock.json": lockfile("0.9.0") });
  symlinkSync(elsewhere, path.join(folder, "node_modules"));
  expect(setup().stderr).toContain("node_modules is a link and differs");
  expect(() => callsIn(folder)).toThrow("ENOENT");
});
