import { describe, expect, test } from "vitest";
import type { CompiledConfig, ConfigVersion } from "../../../../../router/core/compiled-config.ts";
import type { EndpointId, RequestId, RouterCommand } from "../../../../../router/core/messages.ts";
import { liveVersionsMax } from "../../../../../router/core/rollout/versions.ts";
import { instantAt, millis } from "../../../../../router/core/time.ts";
import { GossipInvariant } from "../../../../../simulator/core/invariant/gossip-invariant.ts";
import { JournalInvariant } from "../../../../../simulator/core/invariant/journal-invariant.ts";
import { VersionsSeen } from "../../../../../simulator/core/invariant/versions-seen.ts";
import { createWorld } from "../../../../../simulator/core/world.ts";
import { randomScenario } from "../../../../support/random-world.ts";
import { fixtureConfig } from "../../../../support/router-fixture.ts";

const config = fixtureConfig({ deployments: [{ endpoints: 2 }] });
const at = (seconds: number) => instantAt(seconds * 1_000_000);

describe("I7 of gossip", () => {
  const endpoint = 0 as EndpointId;
  const opened: RouterCommand = { kind: "breaker-changed", endpoint, from: "closed", to: "open", why: "failures-in-a-row" };
  const start = { kind: "start-attempt", attempt: 0, request: 0, endpoint, version: 1, reservedTokens: 0, reservedNano: 0 } as unknown as RouterCommand;
  /** Replica 0 opens at 1 s; replica 1 calls so long after. */
  const callAfter = (seconds: number, before: (invariant: GossipInvariant) => void = () => undefined): readonly string[] => {
    const invariant = new GossipInvariant(config, { count: 2, gossip: millis(50), signals: null });
    invariant.command(opened, at(1), 0);
    before(invariant);
    invariant.command(start, at(1 + seconds), 1);
    return invariant.violations.map(({ invariant: id }) => id);
  };

  test("a replica that has been told calls what another found broken", () => {
    expect(callAfter(0.2)).toEqual(["I7"]);
  });

  test("not before the word can have come, nor when the open time is over, nor from a replica that has crashed since", () => {
    const open = (config.deployments[0]?.breaker.open ?? 0) / 1_000_000;
    expect(open).toBeGreaterThan(1);
    expect([callAfter(0.04), callAfter(open), callAfter(0.2, (invariant) => invariant.crashed(1))]).toEqual([[], [], []]);
  });
});

describe("I10", () => {
  /** @param planted what is told of the command of this number instead */
  function played(planted: (command: RouterCommand, number: number) => RouterCommand | null): readonly string[] {
    const { scenario, arrivals } = randomScenario(3);
    const journal = new JournalInvariant(scenario.config);
    let number = 0;
    createWorld(scenario, {
      seed: 3,
      arrivals: arrivals[Symbol.iterator](),
      observer: { requestEnded: () => undefined, breakerChanged: () => undefined },
      watch: {
        attach: (router, options, replica) => journal.attach(router, options, replica),
        event: (event, now, replica) => journal.event(event, now, replica),
        wake: (now, replica) => journal.wake(now, replica),
        command: (command, now, replica) => {
          number += 1;
          const told = planted(command, number);
          if (told !== null) journal.command(told, now, replica);
        },
      },
    }).run();
    return journal.finished().map(({ invariant }) => invariant);
  }

  test("a sound run replays; a command that is missing or another one does not", () => {
    expect(played((command) => command)).toEqual([]);
    expect(played((command, number) => (number === 40 ? null : command))).toEqual(["I10"]);
    expect(played((command, number) => (number === 40 ? { ...command, planted: true } : command) as RouterCommand)).toEqual(["I10"]);
  });
});

describe("I16", () => {
  const request = 7 as RequestId;
  const version = (number: number): ConfigVersion => number as ConfigVersion;
  const versioned = (number: number): CompiledConfig => ({ ...config, version: version(number) });
  function seen(play: (versions: VersionsSeen) => void): readonly string[] {
    const found: string[] = [];
    const versions = new VersionsSeen(versioned(1), (invariant) => found.push(invariant));
    versions.activated({ kind: "config-activated", config: versioned(2), share: 0.5, by: "request" });
    play(versions);
    return found;
  }

  test("a request keeps to its version, and a version to its requests", () => {
    const sound = seen((versions) => {
      versions.seen(request, version(2));
      versions.seen(request, version(2));
      versions.finished(request);
      versions.activated({ kind: "config-activated", config: versioned(2), share: 0, by: "request" });
      versions.retired(version(2));
    });
    expect(sound).toEqual([]);
    expect(seen((versions) => [1, 2].forEach((number) => versions.seen(request, version(number))))).toEqual(["I16"]);
    expect(seen((versions) => versions.seen(request, version(3)))).toEqual(["I16"]);
    expect(seen((versions) => versions.retired(version(2)))).toEqual(["I16"]);
    const early = seen((versions) => {
      versions.seen(request, version(2));
      versions.activated({ kind: "config-activated", config: versioned(2), share: 0, by: "request" });
      versions.retired(version(2));
    });
    expect(early).toEqual(["I16"]);
  });

  test("I5: more versions than may be live", () => {
    const many = seen((versions) => {
      for (let number = 3; number <= liveVersionsMax + 1; number += 1)
        versions.activated({ kind: "config-activated", config: versioned(number), share: 0.1, by: "request" });
    });
    expect(many).toEqual(["I5"]);
  });
});
