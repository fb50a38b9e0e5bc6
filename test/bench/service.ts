/**
 * npm run bench:service [-- --rounds 5 --seconds 3 --only plain,streams,open --profile FOLDER]: what a request costs in CPU, and what it waits, at Headgate with all its
 * features on, against nginx, against a hand-written Node proxy without any (the probe, out of ../shared/peers/gateways: what the platform can do), and against those
 * peers that are installed in the folder LAB as the install.sh there does it. One interleaved run: load and mock on core 0, whatever is measured on core 1, CPU out of the
 * scheduler's account of every thread of the measured process tree. Compare rows of one run only; a subject `headgate@FOLDER` is another checkout, for before and after. Exit 1 when a limit is missed, 3 when nothing can be compared.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { sharedFolder } from "../support/shared-folder.ts";
import type { LoadFigures, LoadSpec } from "./service/load-generator.ts";
import { cpuBetween, processTreeUse, strangersCpu } from "./service/process-tree.ts";
import { loadCore, otherRun, type Subject, Subjects } from "./service/subjects.ts";
import { printTable, type Row, verdict } from "./service/table.ts";

const probe = "http-rawte+FEAT+scan";
const loads = {
  plain: { kind: "closed", connections: 64, perSecond: 0 },
  open: { kind: "open", connections: 64, perSecond: 200 },
  streams: { kind: "streams", connections: 300, perSecond: 0 },
} as const;
type LoadName = keyof typeof loads;
const paceMs = 20;
/** Compiled code is warm then; on both sides. */
const warmUpSeconds = 8;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", default: "plain,open,streams" },
    subjects: { type: "string", default: `direct,nginx,${probe},headgate,smg,tensorzero` },
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const chosen = values.only.split(",").filter((name): name is LoadName => Object.hasOwn(loads, name));

const shared = sharedFolder();
const gateways = shared === null ? null : path.join(shared, "peers/gateways");
if (gateways === null || !existsSync(gateways)) {
  console.log("skipped: there is nothing to compare with");
  process.exit(3);
}
if (await otherRun()) {
  console.log("another run has the ports that the peers' own configurations name: both would measure the other's");
  process.exit(3);
}
raisePriority();
const scratch = mkdtempSync(path.join(tmpdir(), "headgate-bench-"));
const subjects = new Subjects(gateways, scratch);
const rows: Row[] = [];
try {
  let mock = await subjects.startMock(0);
  const measured = await startAll(values.subjects.split(","));
  for (const load of chosen) {
    if (load === "streams") {
      mock.kill();
      mock = await subjects.startMock(paceMs);
    }
    const roots = [process.pid, ...measured.flatMap(({ pid }) => pid ?? [])];
    for (const subject of measured) await loadOnce(subject, load, warmUpSeconds);
    for (let round = 0; round < rounds; round += 1) for (const subject of measured) rows.push(await measureOnce(subject, load, round, roots));
  }
} finally {
  await subjects.stop();
  rmSync(scratch, { recursive: true, force: true });
}
printTable(rows);
const failures = verdict(rows, probe);
for (const failure of failures) console.log(`missed: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

async function startAll(names: readonly string[]): Promise<Subject[]> {
  const started: Subject[] = [];
  for (const name of names) {
    const subject = await startOne(name);
    if (subject === null) console.error(`SKIPPED: ${name} is not installed here (LAB names the folder of the peers; nginx comes from the system)`);
    else started.push(subject);
  }
  return started;
}

async function startOne(name: string): Promise<Subject | null> {
  if (name === "direct") return subjects.direct();
  if (name === "headgate") return subjects.startHeadgate(profiling());
  return name.startsWith("headgate@") ? subjects.startHeadgate([], path.resolve(name.slice("headgate@".length))) : subjects.startPeer(name);
}

function profiling(): string[] {
  return values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(values.profile)}`];
}

async function loadOnce(subject: Subject, load: LoadName, forSeconds: number): Promise<LoadFigures> {
  const { port, path: at, headers, body, streamBody } = subject;
  const bodyFile = subjects.bodyFile(load === "streams" ? streamBody : body);
  const spec: LoadSpec = { ...loads[load], port, path: at, headers, bodyFile, seconds: forSeconds };
  const generator = path.join(import.meta.dirname, "service/load-generator.ts");
  const child = spawn("taskset", ["-c", loadCore, process.execPath, generator, JSON.stringify(spec)], { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => chunks.push(data));
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(Buffer.concat(chunks).toString()) as LoadFigures;
}

async function measureOnce(subject: Subject, load: LoadName, round: number, roots: readonly number[]): Promise<Row> {
  const strangers = strangersCpu(roots);
  const before = subject.pid === null ? null : processTreeUse(subject.pid);
  const figures = await loadOnce(subject, load, seconds);
  const after = subject.pid === null ? null : processTreeUse(subject.pid);
  const strangerShare = cpuBetween(strangers, strangersCpu(roots)) / 1e9 / figures.seconds;
  const cpuUs = before === null || after === null ? Number.NaN : (after.cpuNs - before.cpuNs) / 1000 / Math.max(1, figures.completed);
  const row: Row = { subject: subject.name, load, round, figures, cpuUs, rssMb: after?.rssMb ?? Number.NaN, strangerShare };
  console.error(
    `${load} ${round} ${subject.name.padEnd(22)} ${(figures.completed / figures.seconds).toFixed(0)}/s, ${cpuUs.toFixed(1)} us, p50 ${figures.p50.toFixed(2)} ms,${load === "streams" ? firstToken(figures) : ""} ${figures.failed} failed, strangers ${strangerShare.toFixed(2)} cores`,
  );
  return row;
}

function firstToken({ firstP50, firstP99 }: LoadFigures): string {
  return ` first token ${firstP50.toFixed(1)}/${firstP99.toFixed(1)} ms,`;
}

/** Where the kernel shares the cores between logins first, a busy neighbour takes half of ours whatever its priority: ours is raised where that is allowed. */
function raisePriority(): void {
  process.env["AGNICE"] = "-20";
  try {
    writeFileSync("/proc/self/autogroup", "-20");
  } catch {
    console.error("note: not allowed to raise the priority; strangers' load shows in the figures");
  }
}
