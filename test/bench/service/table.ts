import type { LoadFigures } from "./load-generator.ts";

export interface Row {
  readonly subject: string;
  readonly load: "plain" | "open" | "streams";
  readonly round: number;
  readonly figures: LoadFigures;
  /** Per answer; NaN: direct. */
  readonly cpuUs: number;
  readonly rssMb: number;
  /** Cores that other processes had meanwhile. */
  readonly strangerShare: number;
}

/** Limits are ratios of medians in one run. */
const probeRatioMax = 1.3;
const peerRatioMax: Readonly<Record<"plain" | "streams", Readonly<Record<string, number>>>> = {
  plain: { smg: 0.5, tensorzero: 0.5, "litellm-granian": 1 / 30 },
  streams: { smg: 0.95, tensorzero: 0.95 },
};
const failedShareMax = 0.001;

export function printTable(rows: readonly Row[]): void {
  for (const load of new Set(rows.map((row) => row.load))) {
    const title = load === "streams" ? "paced streams, 300 at once" : load === "open" ? "open loop, 200/s" : "plain 2 KB, 64 at once";
    console.log(`\n${title}\n${"".padEnd(22)}    n/s  CPU us min/median   p50 ms   p99 ms  TTFT p50/p99 ms  RSS MB  strangers`);
    for (const subject of new Set(rows.map((row) => row.subject))) {
      const own = rows.filter((row) => row.subject === subject && row.load === load);
      if (own.length === 0) continue;
      const mid = (read: (row: Row) => number): number => median(own.map(read));
      const cpu = own.map(({ cpuUs }) => cpuUs);
      const first = load === "streams" ? `${mid(({ figures }) => figures.firstP50).toFixed(2)}/${mid(({ figures }) => figures.firstP99).toFixed(1)}` : "-";
      console.log(
        [
          subject.padEnd(22),
          mid(({ figures }) => figures.completed / figures.seconds)
            .toFixed(0)
            .padStart(6),
          `${Math.min(...cpu).toFixed(1)}/${median(cpu).toFixed(1)}`.padStart(18),
          mid(({ figures }) => figures.p50)
            .toFixed(2)
            .padStart(8),
          mid(({ figures }) => figures.p99)
            .toFixed(1)
            .padStart(8),
          first.padStart(17),
          Math.max(...own.map(({ rssMb }) => rssMb))
            .toFixed(0)
            .padStart(7),
          mid(({ strangerShare }) => strangerShare)
            .toFixed(2)
            .padStart(10),
        ].join(" "),
      );
    }
  }
}

/** @returns what is missed; the last line printed tells the two ratios that people ask for first */
export function verdict(rows: readonly Row[], probe: string): string[] {
  const missed: string[] = [];
  for (const load of ["plain", "streams"] as const) {
    const own = medianCpu(rows, "headgate", load);
    if (Number.isNaN(own)) continue;
    const toProbe = own / medianCpu(rows, probe, load);
    console.log(`${load}: ${toProbe.toFixed(2)} x the probe (limit ${probeRatioMax})`);
    if (!(toProbe <= probeRatioMax)) missed.push(`${load}: CPU ${toProbe.toFixed(2)} x the probe's, limit ${probeRatioMax}`);
    for (const [peer, limit] of Object.entries(peerRatioMax[load])) {
      const toPeer = own / medianCpu(rows, peer, load);
      if (Number.isNaN(toPeer)) continue;
      console.log(`${load}: ${ratio(toPeer)} x ${peer} (limit ${ratio(limit)})`);
      if (toPeer > limit) missed.push(`${load}: CPU ${ratio(toPeer)} x ${peer}'s, limit ${ratio(limit)}`);
    }
  }
  const added = (subject: string): number =>
    medianOf(rows, subject, "open", ({ figures }) => figures.p50) - medianOf(rows, "direct", "open", ({ figures }) => figures.p50);
  console.log(
    `added p50 at 200/s: ${added("headgate").toFixed(3)} ms; smg ${added("smg").toFixed(3)}, nginx ${added("nginx").toFixed(3)}, probe ${added(probe).toFixed(3)}`,
  );
  if (added("headgate") > added("smg")) missed.push("added p50 at 200/s is above smg's");
  for (const quantile of ["firstP50", "firstP99"] as const) {
    const own = medianOf(rows, "headgate", "streams", ({ figures }) => figures[quantile]);
    const theirs = medianOf(rows, "smg", "streams", ({ figures }) => figures[quantile]);
    if (own > theirs) missed.push(`streams: ${quantile} ${own.toFixed(2)} ms is above smg's ${theirs.toFixed(2)} ms`);
  }
  for (const row of rows) {
    const { failed, completed } = row.figures;
    if (row.subject === "headgate" && failed > completed * failedShareMax) missed.push(`${row.load}, round ${row.round}: ${failed} of ${completed} failed`);
  }
  const own = medianCpu(rows, "headgate", "plain");
  console.log(`cpu ${ratioText(own, medianCpu(rows, "smg", "plain"))} x smg, ${ratioText(own, medianCpu(rows, "nginx", "plain"))} x nginx`);
  return missed;
}

const ratio = (value: number): string => value.toFixed(value < 0.1 ? 4 : 2);
const ratioText = (own: number, theirs: number): string => (Number.isNaN(theirs) ? "-" : (own / theirs).toFixed(2));
const medianCpu = (rows: readonly Row[], subject: string, load: string): number => medianOf(rows, subject, load, ({ cpuUs }) => cpuUs);

function medianOf(rows: readonly Row[], subject: string, load: string, read: (row: Row) => number): number {
  return median(rows.filter((row) => row.subject === subject && row.load === load).map(read));
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((one, other) => one - other);
  const middle = ordered.length >> 1;
  if (ordered.length % 2 === 1) return ordered[middle] ?? Number.NaN;
  return ((ordered[middle - 1] ?? Number.NaN) + (ordered[middle] ?? Number.NaN)) / 2;
}
