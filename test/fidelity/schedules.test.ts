import path from "node:path";
import { describe, expect, test } from "vitest";
import { sharedFolder } from "../support/shared-folder.ts";
import { fuzzEngines } from "./fuzz-engines.ts";
import { fuzzSchedules } from "./fuzz-schedules.ts";
import { fuzzSeveral } from "./fuzz-several.ts";
import { playBatches } from "./play-batches.ts";
import { isForPlainOnly, playFastSchedule } from "./play-fast-schedule.ts";
import { playSchedule } from "./play-schedule.ts";
import { listSchedules, readSchedules } from "./recorded-case.ts";
import { listServerRuns, readServerRun } from "./recorded-server-run.ts";

const shared = sharedFolder();
const schedules = shared === null ? [] : listSchedules(path.join(shared, "calibration/vllm-schedules/dev"));
const runs = shared === null ? "" : path.join(shared, "calibration/vllm-cpu/dev");

describe.skipIf(shared === null)("against recordings of vLLM", () => {
  test.for(schedules)("every schedule of %s, in both forms", (file) => {
    for (const recorded of readSchedules(file)) {
      expect(playSchedule(recorded), recorded.header.case).toBeNull();
      if (isForPlainOnly(recorded)) continue;
      expect(playFastSchedule(recorded, false), recorded.header.case).toBeNull();
      expect(playFastSchedule(recorded, true), recorded.header.case).toBeNull();
    }
  });

  test.for(listServerRuns(runs))("every batch of the server run %s", (name) => {
    expect(playBatches(readServerRun(runs, name))).toBeNull();
  });
});

describe("the fast form against the plain one", () => {
  const seeds = Array.from({ length: 20 }, (_, block) => 1_000_000 + 50 * block);
  test.for(seeds)("50 fuzzed runs from seed %i", (first) => {
    for (let seed = first; seed < first + 50; seed++) {
      expect(fuzzSchedules(seed)).toBeNull();
      expect(fuzzEngines(seed)).toBeNull();
    }
  });
});

describe("engines of several against the second form of their rules, and the laws of a run", () => {
  const seeds = Array.from({ length: 10 }, (_, block) => 1_000_000 + 50 * block);
  test.for(seeds)("50 fuzzed runs of each kind from seed %i", (first) => {
    for (let seed = first; seed < first + 50; seed++) expect(fuzzSeveral(seed)).toBeNull();
  });
});
