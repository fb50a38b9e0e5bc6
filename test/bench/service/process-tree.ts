import { readdirSync, readFileSync } from "node:fs";

/** CPU and memory of a process with all its children, out of /proc: nanoseconds from the scheduler's own account of every thread. */
export interface ProcessUse {
  readonly cpuNs: number;
  readonly rssMb: number;
}

export function processTreeUse(root: number): ProcessUse {
  let cpuNs = 0;
  let rssKb = 0;
  for (const pid of treeOf(root)) {
    cpuNs += cpuOf(pid);
    rssKb += Number(/VmRSS:\s+(\d+)/.exec(readIfThere(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return { cpuNs, rssMb: rssKb / 1024 };
}

/** CPU of everybody but the given trees, by process: the difference of two of them is what strangers took meanwhile. */
export function strangersCpu(roots: readonly number[]): ReadonlyMap<number, number> {
  const ours = new Set(roots.flatMap((root) => [...treeOf(root)]));
  return new Map(
    allPids()
      .filter((pid) => !ours.has(pid))
      .map((pid) => [pid, cpuOf(pid)]),
  );
}

export function cpuBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  let cpuNs = 0;
  for (const [pid, now] of after) cpuNs += now - (before.get(pid) ?? now);
  return cpuNs;
}

function treeOf(root: number): Set<number> {
  const parents = new Map(allPids().map((pid) => [pid, parentOf(pid)]));
  const tree = new Set([root]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (tree.has(pid) || !tree.has(parent)) continue;
      tree.add(pid);
      grown = true;
    }
  }
  return tree;
}

function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

function parentOf(pid: number): number {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
}

function cpuOf(pid: number): number {
  return threadsOf(pid).reduce((sum, thread) => sum + Number(readIfThere(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0]), 0);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
