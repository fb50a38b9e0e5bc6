// First step of `npm run demo` and `npm test`: on a fresh clone and an old Node it installs what is missing, then runs what it was given with Node >= 24.
// Dependency-free, CommonJS, and old syntax, because Node 16 must be able to run it. The second step is started from here by its full path:
// a shell remembers where it found `node` before the installation and would run the old one again.
//
// Usage: node scripts/setup.cjs [FILE.ts ARGUMENT...]
"use strict";
const { spawn, spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const nodeMajorMin = 24;
const root = path.dirname(__dirname);
const modules = path.join(root, "node_modules");
const stampFile = path.join(modules, ".headgate-setup");
const windows = process.platform === "win32";
const ownNode = path.join(modules, "node", "bin", windows ? "node.exe" : "node");

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function fail(message, exitCode) {
  process.stderr.write(`headgate: ${message}\n`);
  process.exit(exitCode);
}

/** @returns {string[]} the PATH without this project's node_modules/.bin, which npm puts first and `npm ci` empties while it runs */
function outsidePath() {
  const own = path.join(modules, ".bin");
  return (process.env.PATH || "").split(path.delimiter).filter((folder) => path.resolve(folder) !== own);
}

/** What node_modules holds, by npm's own list of it, is what the lockfile asks for (packages for other platforms may be absent). */
function matchesLockfile(lockText) {
  const installedText = readText(path.join(modules, ".package-lock.json"));
  if (installedText === null) return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  return Object.keys(wanted).every((place) => {
    if (place === "") return true;
    const found = installed[place];
    if (found === undefined) return wanted[place].optional === true;
    return found.version === wanted[place].version && found.integrity === wanted[place].integrity;
  });
}

function installMissing() {
  const lockText = readText(path.join(root, "package-lock.json"));
  if (lockText === null) fail("package-lock.json is missing; this is not a whole checkout. Clone the repository again.", 2);
  const stamp = `${createHash("sha256").update(lockText).digest("hex")} ${process.platform} ${process.arch}\n`;
  if (readText(stampFile) === stamp) return;
  const linked = fs.existsSync(modules) && fs.lstatSync(modules).isSymbolicLink();
  if (linked) {
    if (!matchesLockfile(lockText))
      process.stderr.write("headgate: node_modules is a link and differs from package-lock.json; run `npm ci` where it points to.\n");
    return;
  }
  if (!matchesLockfile(lockText)) {
    process.stderr.write("headgate: installing dependencies (npm ci), once; this can take a minute\n");
    const env = Object.assign({}, process.env, { PATH: outsidePath().join(path.delimiter) });
    const npm = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      env,
      shell: windows,
      stdio: ["ignore", 2, 2],
    });
    if (npm.error) fail(`npm cannot be started (${npm.error.message}). Install Node with npm from https://nodejs.org and try again.`, 2);
    if (npm.status !== 0) fail("`npm ci` failed, see above. Mend that (network, registry, disk) and run the same command again.", 2);
  }
  fs.writeFileSync(stampFile, stamp);
}

function majorOf(node) {
  const answer = spawnSync(node, ["--version"], { encoding: "utf8" });
  const match = /^v(\d+)\./.exec(answer.stdout || "");
  return match === null ? 0 : Number(match[1]);
}

/** This project's own Node first; else the one on the PATH, where that is new enough. */
function findNode() {
  if (majorOf(ownNode) >= nodeMajorMin) return ownNode;
  for (const folder of outsidePath()) {
    const node = path.join(folder, windows ? "node.exe" : "node");
    if (fs.existsSync(node)) {
      const major = majorOf(node);
      if (major >= nodeMajorMin) return node;
      break;
    }
  }
  return fail(
    `Node >= ${nodeMajorMin} is missing: this one is ${process.version}, and the package \`node\` has no binary${whyNoBinary()}, or install Node ${nodeMajorMin} from https://nodejs.org, and run the same command again.`,
    2,
  );
}

function whyNoBinary() {
  const answer = spawnSync("npm", ["config", "get", "ignore-scripts"], { cwd: root, encoding: "utf8", shell: windows });
  const off = (answer.stdout || "").trim() === "true";
  return `${off ? " because install scripts are off (ignore-scripts)" : " for this machine"}. Run \`npm rebuild node --ignore-scripts=false\``;
}

function runWith(node, args) {
  const searchPath = [path.dirname(node), path.join(modules, ".bin")].concat(outsidePath()).join(path.delimiter);
  const env = Object.assign({}, process.env, { PATH: searchPath });
  const child = spawn(node, [path.join(root, args[0])].concat(args.slice(1)), { cwd: root, env, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${node} cannot be started: ${error.message}`, 4));
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + (os.constants.signals[signal] || 0)));
}

installMissing();
const node = findNode();
if (process.argv.length > 2) runWith(node, process.argv.slice(2));
