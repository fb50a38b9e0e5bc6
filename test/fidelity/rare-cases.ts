import { forkRandom, nextBelow, nextUnit } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import { chance, pick, randomConfig } from "./random-config.ts";
import type { RecordedCase, RecordedRequest } from "./recorded-case.ts";

type Case = Pick<RecordedCase, "header">;

/**
 * Decodes that are left out of a call: the least urgent runs first, finds no block and preempts itself, and those behind it are not reached. What they had in flight is then known
 * one call earlier, which only a late request of the same contents can see, at once, in a block that is full just then.
 */
export function starvingCase(seed: number, random: RandomState): Case {
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
  const reqs = inputs.map((p, id): RecordedRequest => {
    const first = id === 0;
    const request = { id, at: first ? 0 : 1, p, o: 60, b: first ? [1, 16] : contents, pr: first ? 5 : nextBelow(random, 3) };
    return !first && chance(random, 0.3) ? { ...request, ab: [2 + nextBelow(random, 18), aroundModel(random)] as const } : request;
  });
  const late = 4 + nextBelow(random, 20);
  for (let id = running; id < running + late; id++) {
    const p = Math.ceil((max_model_len - 1) * (0.5 + 0.5 * nextUnit(random)));
    reqs.push({ id, at: 2 + nextBelow(random, 24), p, o: 1 + nextBelow(random, 3), b: contents, pr: nextBelow(random, 3) });
  }
  return { header: { case: `fuzz-${seed}`, fam: "fuzz", cfg, reqs } };
}

const aroundModel = (random: RandomState): "p" | "m" => pick(random, ["p", "m"]);

/** Either of those that need their numbers to fit each other. */
export function rareCase(seed: number): Case {
  const random = forkRandom(seed, "rare schedules");
  return seed % 4 < 2 ? abortedWhenKnownCase(seed, random) : unequalPrefillsCase(seed, random);
}

/**
 * As starvingCase, and somebody who was left out is aborted right after its next token, with which a block is full: known at once, that block is freed with its content.
 * The first one shows it: it looks for its own blocks when it comes back, and of these as many are lost as the others' next tokens find no block without content.
 */
function abortedWhenKnownCase(seed: number, random: RandomState): Case {
  const rest = 1 + nextBelow(random, 15);
  const inputs = Array.from({ length: 3 + nextBelow(random, 4) }, () => 16 * (1 + nextBelow(random, 6)) + rest);
  const cfg = {
    ...randomConfig(random),
    max_model_len: 200,
    num_gpu_blocks: inputs.reduce((sum, tokens) => sum + Math.ceil(tokens / 16), 1),
    max_num_seqs: 16,
    max_num_batched_tokens: 1024,
    prefix_caching: true,
    chunked_prefill: true,
    long_prefill_token_threshold: 0,
    long_prefill_adaptive: false,
    policy: "priority" as const,
    watermark: 0,
    async_scheduling: true,
    max_num_active_seqs: null,
  };
  // The first has its prompt computed in iteration 0 and fills its last block in iteration 16 - rest; the others do each one later.
  const starved = 17 - rest;
  const aborted = 1 + nextBelow(random, inputs.length - 1);
  const reqs = inputs.map((p, id): RecordedRequest => {
    const request = { id, at: id === 0 ? 0 : 1, p, o: 60, b: [1000 * (id + 1), pick(random, [Math.floor(p / 16), 20])], pr: id === 0 ? 5 : 0 };
    return id === aborted ? { ...request, ab: [starved + 1, "m"] } : request;
  });
  return { header: { case: `fuzz-rare-${seed}`, fam: "fuzz", cfg, reqs } };
}

/**
 * Prompts of one content, of which an earlier one takes a chunk more: from its second chunk on all are equally far and fill their blocks in the same calls, though they began
 * to decode in another order. Which copy serves a late one shows when the earlier ones end, one by one.
 */
function unequalPrefillsCase(seed: number, random: RandomState): Case {
  const chunk = 2 + nextBelow(random, 14);
  const cfg = {
    ...randomConfig(random),
    max_model_len: 200,
    num_gpu_blocks: 100,
    max_num_seqs: 16,
    max_num_batched_tokens: 512,
    prefix_caching: true,
    chunked_prefill: true,
    long_prefill_token_threshold: chunk,
    long_prefill_adaptive: false,
    watermark: 0,
    max_num_active_seqs: null,
  };
  const contents = [70_000, 13];
  const early = 2 + nextBelow(random, 3);
  const lateAt = 34 + nextBelow(random, 4);
  const reqs: RecordedRequest[] = [];
  for (let id = 0; id < early; id++) reqs.push({ id, at: 0, p: id === early - 1 ? chunk : chunk + 1, o: 50 + nextBelow(random, 60), b: contents });
  for (let id = early; id < early + 3; id++) reqs.push({ id, at: lateAt, p: 40 + nextBelow(random, 40), o: 100, b: contents });
  return { header: { case: `fuzz-rare-${seed}`, fam: "fuzz", cfg, reqs } };
}
