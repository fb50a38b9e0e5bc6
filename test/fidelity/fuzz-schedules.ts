import { forkRandom, nextBelow } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import { FastPlayer } from "./play-fast-schedule.ts";
import { PlainPlayer } from "./play-schedule.ts";
import { alikeConfig, chance, pick, randomConfig } from "./random-config.ts";
import { rareCase, starvingCase } from "./rare-cases.ts";
import type { RecordedCase, RecordedConfig, RecordedIteration, RecordedRequest } from "./recorded-case.ts";

/** A case like those of the recorded corpus, but small, dense and odd. */
function randomCase(seed: number): Pick<RecordedCase, "header"> {
  const random = forkRandom(seed, "schedules");
  if (seed % 4 === 3) return starvingCase(seed, random);
  const alike = chance(random, 0.4);
  const cfg = alike ? alikeConfig(randomConfig(random), random) : randomConfig(random);
  const reqs = randomRequests(random, cfg, alike);
  return { header: { case: `fuzz-${seed}`, fam: "fuzz", cfg, reqs } };
}

function randomRequests(random: RandomState, cfg: RecordedConfig, alike: boolean): RecordedRequest[] {
  const reqs: RecordedRequest[] = [];
  const count = 3 + nextBelow(random, 40);
  const contents = alike ? 1 : pick(random, [1, 2, 5]);
  const sharing = alike ? 1 : pick(random, [0, 0.3, 0.9]);
  const spread = pick(random, [1, 4, 20]);
  let at = 0;
  for (let id = 0; id < count; id++) {
    if (chance(random, 0.4)) at += nextBelow(random, spread);
    const p = 1 + nextBelow(random, cfg.max_model_len - 1);
    const o = 1 + nextBelow(random, chance(random, 0.5) ? 6 : 60);
    const request: Record<string, unknown> = { id, at, p, o, b: randomBlocks(random, Math.ceil((p + o) / 16), id, contents, sharing, alike ? 0.04 : 0.15) };
    if (chance(random, 0.3)) request["eos"] = 1 + nextBelow(random, o);
    if (chance(random, 0.6)) request["pr"] = nextBelow(random, 3);
    if (chance(random, 0.3)) request["t"] = nextBelow(random, 10);
    if (chance(random, 0.2)) request["ab"] = [at + nextBelow(random, 12), chance(random, 0.5) ? "p" : "m"];
    reqs.push(request as unknown as RecordedRequest);
  }
  return reqs;
}

/** Shared contents first, own ones from a random place on. */
function randomBlocks(random: RandomState, count: number, id: number, contents: number, sharing: number, parting: number): number[] {
  const runs: number[] = [];
  let shared = chance(random, sharing);
  const family = nextBelow(random, contents);
  for (let index = 0; index < count; index++) {
    if (chance(random, parting)) shared = false;
    runs.push(shared ? 1000 * (family + 1) + index : 1_000_000 * (id + 1) + index, 1);
  }
  return runs;
}

/** Without the reserve rule two prefills can preempt each other for ever, in vLLM too: such a run is broken off. */
const iterationsMax = 4000;

/** Plays a random case, and a small one made for what those hardly ever come to, through both forms, iteration by iteration. Null: no difference. */
export function fuzzSchedules(seed: number): string | null {
  const all = seed % 2 === 1;
  return playBoth(randomCase(seed), all) ?? playBoth(rareCase(seed), all);
}

function playBoth(recorded: Pick<RecordedCase, "header">, all: boolean): string | null {
  const { header } = recorded;
  const plain = new PlainPlayer(recorded);
  const fast = new FastPlayer(recorded, all);
  const last = Math.max(...header.reqs.map((request) => request.at));
  let quiet = 0;
  for (let i = 0; i < iterationsMax && (i <= last || quiet < 3); i++) {
    const expected = plain.iterate(i);
    const actual = fast.iterate(i);
    const difference = differenceOf(expected, actual);
    if (difference !== null) return `${header.case} (${JSON.stringify(header.cfg)}) iteration ${i}: ${difference}`;
    quiet = expected.s === undefined && expected.o === undefined ? quiet + 1 : 0;
  }
  return null;
}

function differenceOf(expected: RecordedIteration, actual: RecordedIteration): string | null {
  for (const field of ["ar", "ab", "s", "ad", "re", "pr", "f1", "o", "fi", "pc", "f", "r", "w"] as const) {
    const one = JSON.stringify(expected[field]);
    const other = JSON.stringify(actual[field]);
    if (one !== other) return `${field}: plain ${one}, fast ${other}`;
  }
  return null;
}
