import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ConfigVersion } from "../../router/core/compiled-config.ts";
import type { RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import type { Instant } from "../../router/core/machine.ts";
import { instantAt, millis } from "../../router/core/time.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { RouterInvariants } from "../../simulator/core/invariant/router-invariants.ts";
import type { CompiledScenario } from "../../simulator/core/compiled-scenario.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";
import { playScenario, randomScenario } from "../support/random-world.ts";

const changing = Array.from({ length: 600 }, (_, seed) => seed).flatMap((seed) => {
  const { scenario, arrivals } = randomScenario(seed);
  const changes = scenario.changes ?? [];
  return changes.length === 0 ? [] : [{ seed, scenario, changes, arrivals }];
});

describe("random versions of the configuration, at any time and with any share", () => {
  test("every invariant holds: one version per request, limits and breakers over all of them, nothing leaks", () => {
    const met = { versions: 0, pinned: 0, retired: 0, canaries: 0 };
    for (const { seed, scenario, changes, arrivals } of changing) {
      const { violations, records, log } = playScenario(scenario, arrivals, seed, { log: true });
      expect({ seed, violations, ended: records.length }).toEqual({ seed, violations: [], ended: arrivals.length });
      met.versions = Math.max(met.versions, new Set(records.map(({ version }) => version)).size);
      met.retired += log.filter((line) => line.includes('"retire-config"')).length;
      met.canaries += changes.filter(({ share }) => share > 0 && share < 1).length;
      met.pinned += changes.filter(({ at, config }) => records.some((record) => isUnderWay(record, at, config.version))).length;
    }
    // It would prove nothing if it never met these.
    expect(met.versions).toBeGreaterThan(2);
    for (const count of [met.pinned, met.retired, met.canaries]) expect(count).toBeGreaterThan(50);
  });

  test("a canary has its share of the requests that arrive while it is one", () => {
    let asked = 0;
    let expected = 0;
    let variance = 0;
    for (const { seed, scenario, arrivals } of changing) {
      if (scenario.config.limits.length > 0) continue;
      const canaried = withOneCanary(scenario, 0.3);
      if (canaried === null) continue;
      const { records } = playScenario(canaried, arrivals, seed);
      const after = records.filter(({ scheduled }) => scheduled > canaried.changes[0].at && scheduled <= instantAt(30_000_000));
      const known = after.filter(({ version }) => version !== null);
      asked += known.filter(({ version }) => version === canaried.changes[0].config.version).length;
      expected += 0.3 * known.length;
      variance += 0.21 * known.length;
    }
    expect(expected).toBeGreaterThan(1000);
    expect(Math.abs(asked - expected)).toBeLessThan(4 * Math.sqrt(variance));
  });
});

const isUnderWay = ({ scheduled, end, version }: RequestRecord, at: Instant, next: ConfigVersion): boolean => scheduled < at && at < end && version !== next;

function withOneCanary(scenario: CompiledScenario, share: number) {
  const [change] = (scenario.changes ?? []).filter(({ config }) => config.version !== scenario.config.version);
  return change === undefined ? null : { ...scenario, changes: [{ ...change, at: instantAt(millis(2000)), share, by: "request" }] as const };
}

describe("I16 catches a planted bug", () => {
  const lines = playedLines();
  const check = (change: (command: RouterCommand, place: number) => RouterCommand | null): Set<string> => {
    const invariants = new RouterInvariants(lines.config);
    lines.played.forEach((line, place) => {
      if ("event" in line) invariants.event(line.event, line.at);
      else {
        const command = change(line.command, place);
        if (command !== null) invariants.command(command, line.at);
      }
    });
    return new Set(invariants.finished().map(({ invariant }) => invariant));
  };

  test("a sound run violates nothing", () => {
    expect(check((command) => command)).toEqual(new Set());
  });

  test("a request that goes on under another version", () => {
    const versions = [...new Set(lines.played.flatMap((line) => ("command" in line && line.command.kind === "start-attempt" ? [line.command.version] : [])))];
    const swapped = check((command) =>
      command.kind === "finish-request" && command.account.attempts > 0
        ? { ...command, version: versions.find((other) => other !== command.version) ?? command.version }
        : command,
    );
    expect(swapped).toContain("I16");
  });

  test("a version that is retired while a request of it is open", () => {
    const first = lines.played.findIndex((line) => "command" in line && line.command.kind === "start-attempt");
    const line = lines.played[first];
    const invariants = new RouterInvariants(lines.config);
    for (const one of lines.played.slice(0, first + 1)) {
      if ("event" in one) invariants.event(one.event, one.at);
      else invariants.command(one.command, one.at);
    }
    invariants.event(
      { kind: "config-activated", config: { ...lines.config, version: 99 as ConfigVersion }, share: 1, by: "request" },
      line?.at ?? instantAt(0),
    );
    invariants.command({ kind: "retire-config", version: lines.config.version }, line?.at ?? instantAt(0));
    expect(invariants.violations.map(({ invariant }) => invariant)).toContain("I16");
  });
});

type Line = { readonly at: Instant } & ({ readonly event: RouterEvent } | { readonly command: RouterCommand });

/** A run of one replica in which two versions take requests. */
function playedLines(): { readonly config: CompiledScenario["config"]; readonly played: readonly Line[] } {
  for (const { seed, scenario, arrivals } of changing) {
    if (scenario.replicas.count > 1) continue;
    const played: Line[] = [];
    const watch = {
      event: (event: RouterEvent, at: Instant) => void played.push({ event, at }),
      command: (command: RouterCommand, at: Instant) => void played.push({ command, at }),
    };
    const observer = { requestEnded: () => undefined, breakerChanged: () => undefined };
    createWorld(scenario, { seed, arrivals: arrivals[Symbol.iterator](), observer, watch }).run();
    const versions = new Set(played.flatMap((line) => ("command" in line && line.command.kind === "start-attempt" ? [line.command.version] : [])));
    if (versions.size > 1 && played.some((line) => "command" in line && line.command.kind === "retire-config")) return { config: scenario.config, played };
  }
  throw new Error("no run with two versions");
}

test("a scenario with a canary: both versions' figures apart, together the whole", async () => {
  const scenario = await loadScenario(join(projectRoot, "scenarios/canary.yaml"), {});
  if (scenario.kind !== "loaded") throw new Error("the demo's trace is part of the project");
  const { summary, versions } = runScenario(scenario, { seeds: [1], strict: true });
  expect(versions).toHaveLength(2);
  const [stable, canary] = versions ?? [];
  expect((stable?.requests.scheduled ?? 0) + (canary?.requests.scheduled ?? 0)).toBe(summary.requests.scheduled);
  expect(canary?.requests.scheduled).toBeGreaterThan(50);
});
