import { FastPlayer, isForPlainOnly } from "../fidelity/play-fast-schedule.ts";
import { PlainPlayer } from "../fidelity/play-schedule.ts";
import type { RecordedCase, RecordedConfig, RecordedIteration, RecordedRequest } from "../fidelity/recorded-case.ts";

const config: RecordedConfig = {
  num_gpu_blocks: 65,
  max_num_seqs: 8,
  max_num_batched_tokens: 256,
  max_model_len: 512,
  prefix_caching: true,
  chunked_prefill: true,
  long_prefill_token_threshold: 0,
  long_prefill_adaptive: false,
  policy: "fcfs",
  reserve_full_isl: true,
  watermark: 0,
  async_scheduling: true,
  max_num_active_seqs: null,
  pp: 1,
  spec: 0,
  spec_method: null,
};

/** A request of own contents, unless `b` says otherwise. */
export const request = (id: number, p: number, o: number, more: Partial<RecordedRequest> = {}): RecordedRequest => ({
  id,
  at: 0,
  p,
  o,
  b: [10_000 * (id + 1), Math.ceil((p + o) / 16)],
  ...more,
});

/** Iterations of a case through the plain form; through the fast one too, where it reaches, and then they must be equal. */
export function playIterations(change: Partial<RecordedConfig>, reqs: readonly RecordedRequest[], count: number): RecordedIteration[] {
  const header: RecordedCase["header"] = { case: "written", fam: "unit", cfg: { ...config, ...change }, reqs };
  const plain = new PlainPlayer({ header });
  const fast = isForPlainOnly({ header, iterations: [] }) ? null : new FastPlayer({ header }, false);
  const lines: RecordedIteration[] = [];
  for (let i = 0; i < count; i++) {
    const line = plain.iterate(i);
    lines.push(line);
    const other = fast?.iterate(i);
    if (other === undefined) continue;
    for (const field of ["s", "ad", "pr", "f1", "o", "fi", "pc", "f", "r", "w"] as const) {
      if (JSON.stringify(line[field]) !== JSON.stringify(other[field])) throw new Error(`fast form differs in ${i} ${field}: ${JSON.stringify(other[field])}`);
    }
  }
  return lines;
}
