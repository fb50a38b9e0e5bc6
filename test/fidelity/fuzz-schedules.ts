import { forkRandom, nextBelow, nextUnit } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import { FastPlayer } from "./play-fast-schedule.ts";
import { PlainPlayer } from "./play-schedule.ts";
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

/**
 * Decodes that are left out of a call: the least urgent runs first, finds no block and preempts itself, and those behind it are not reached. What they had in flight is then known
 * one call earlier, which only a late request of the same contents can see, at once, in a block that is full just then.
 */
function starvingCase(seed: number, random: RandomState): Pick<RecordedCase, "header"> {
  const max_model_len = pick(random, [128, 200, 256]);
  const running = 2 + nextBelow(random, 3);
  const inputs = Array.from({ length: running }, () => Math.floor(max_model_len * (0.25 + 0.5 * nextUnit(random))));
  const blocks = inputs.reduce((sum, tokens) => sum + Math.ceil(tokens / 16), 1);
  const cfg = {
    ...randomConfig(random),
    max_model_len,
    num_gpu_blocks: Math.max(Math.ceil(max_model_len / 16) + 1, blocks + nextBelow(random, 3)),
    max_num_seqs: 16,
    max_num_batched_tokens: 512,
    prefix_caching: true,
    chunked_prefill: true,
    long_prefill_token_threshold: 0,
    long_prefill_adaptive: false,
    policy: "priority" as const,
    watermark: 0,
    async_scheduling: chance(random, 0.9),
    max_num_active_seqs: null,
  };
  const contents = [70_000, Math.ceil(max_model_len / 16)];
  const reqs = inputs.map((p, id) => {
    const first = id === 0;
    const request = { id, at: first ? 0 : 1, p, o: 60, b: first ? [1, 16] : contents, pr: first ? 5 : nextBelow(random, 3) };
    return requestOf(!first && chance(random, 0.3) ? { ...request, ab: [2 + nextBelow(random, 18), chance(random, 0.5) ? "p" : "m"] } : request);
  });
  const late = 4 + nextBelow(random, 20);
  for (let id = running; id < running + late; id++) {
    const p = Math.ceil((max_model_len - 1) * (0.5 + 0.5 * nextUnit(random)));
    reqs.push(requestOf({ id, at: 2 + nextBelow(random, 24), p, o: 1 + nextBelow(random, 3), b: contents, pr: nextBelow(random, 3) }));
  }
  return { header: { case: `fuzz-${seed}`, fam: "fuzz", cfg, reqs } };
}

const requestOf = (request: Record<string, unknown>): RecordedRequest => request as unknown as RecordedRequest;

const pick = <T>(random: RandomState, values: readonly T[]): T => values[nextBelow(random, values.length)] as T;
const chance = (random: RandomState, probability: number): boolean => nextUnit(random) < probability;

function randomConfig(random: RandomState): RecordedConfig {
  const max_model_len = pick(random, [48, 64, 100, 128, 200]);
  const chunked = chance(random, 0.85);
  const smallest = Math.ceil(max_model_len / 16) + 1;
  const threshold = chance(random, 0.35) ? pick(random, [5, 16, 20, 40]) : 0;
  const tokens = pick(random, [8, 16, 24, 40, 64, 128, 512]);
  return {
    num_gpu_blocks: smallest + pick(random, [0, 1, 3, 6, 12, 30, 200]),
    max_num_seqs: pick(random, [1, 2, 4, 8, 16, 40]),
    max_num_batched_tokens: chunked ? tokens : max_model_len + tokens,
    max_model_len,
    prefix_caching: chance(random, 0.85),
    chunked_prefill: chunked,
    long_prefill_token_threshold: threshold,
    long_prefill_adaptive: threshold > 0 && chance(random, 0.3),
    policy: chance(random, 0.3) ? "priority" : "fcfs",
    reserve_full_isl: chance(random, 0.75),
    watermark: chance(random, 0.2) ? pick(random, [0.05, 0.2, 0.4]) : 0,
    async_scheduling: chance(random, 0.6),
    max_num_active_seqs: chance(random, 0.1) ? pick(random, [1, 3]) : null,
    pp: 1,
    spec: 0,
    spec_method: null,
  };
}

/** For requests of nearly the same contents in little memory, whose chunks and decodes mix: which copy of a content serves, and when it is known, shows only there. */
function alikeConfig(cfg: RecordedConfig, random: RandomState): RecordedConfig {
  return {
    ...cfg,
    prefix_caching: true,
    long_prefill_token_threshold: pick(random, [0, 5, 16, 20]),
    num_gpu_blocks: Math.ceil(cfg.max_model_len / 16) + 1 + nextBelow(random, 12),
    max_num_seqs: pick(random, [4, 8, 16]),
    policy: chance(random, 0.6) ? "priority" : "fcfs",
    async_scheduling: chance(random, 0.8),
  };
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

/** Plays one random case through both forms, iteration by iteration. Null: no difference. */
export function fuzzSchedules(seed: number): string | null {
  const recorded = randomCase(seed);
  const all = seed % 2 === 1;
  const plain = new PlainPlayer(recorded);
  const fast = new FastPlayer(recorded, all);
  const last = Math.max(...recorded.header.reqs.map((request) => request.at));
  let quiet = 0;
  for (let i = 0; i < iterationsMax && (i <= last || quiet < 3); i++) {
    const expected = plain.iterate(i);
    const actual = fast.iterate(i);
    const difference = differenceOf(expected, actual);
    if (difference !== null) return `seed ${seed} (${JSON.stringify(recorded.header.cfg)}) iteration ${i}: ${difference}`;
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
