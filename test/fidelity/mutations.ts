/** Rules of the scheduler broken on purpose, one at a time: the text in a source file, and what it is replaced by. Recordings or fuzz must notice each. */
export interface Mutation {
  readonly rule: string;
  /** Below simulator/core/engine. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

const plain = "plain/plain-scheduler.ts";
const cache = "plain/kv-cache.ts";
const pool = "plain/block-pool.ts";
const fast = "fast/fast-engine.ts";

export const mutations: readonly Mutation[] = [
  { rule: "a last empty call after each burst", file: plain, text: "this.waiting.length > 0 || this.#endedSinceSchedule", instead: "this.waiting.length > 0" },
  {
    rule: "a request whose end is certain is not scheduled",
    file: plain,
    text: "if (request.placeholders > 0 && request.computed + 2 - request.placeholders >= certainEnd) return 0;",
    instead: "",
  },
  { rule: "the pipeline's cadence", file: plain, text: "if (request.eligibleCall > this.#call) return 0;", instead: "" },
  {
    rule: "a request without room is passed over, not the end of the walk",
    file: plain,
    text: "if (tokens <= 0) continue;",
    instead: "if (tokens <= 0) break;",
  },
  { rule: "at most max_model_len", file: plain, text: "this.#rules.modelTokensMax - request.computed - 1)", instead: "Infinity)" },
  { rule: "the tail is preempted", file: plain, text: ": this.#running.length - 1;", instead: ": 0;" },
  { rule: "the victim's tokens go back to the budget", file: plain, text: "this.budget += entry.tokens + this.#slots;", instead: "" },
  {
    rule: "nobody comes in when somebody was preempted",
    file: plain,
    text: "if (!this.#heldBack) this.#scheduleWaiting(step);",
    instead: "this.#scheduleWaiting(step);",
  },
  { rule: "preempted ones go to the front", file: plain, text: "this.waiting.prepend(victim);", instead: "this.waiting.add(victim);" },
  { rule: "a stale request is passed over", file: plain, text: "if (request.stale > 0 || ", instead: "if (request.stale > 999 || " },
  {
    rule: "head-of-line blocking",
    file: plain,
    text: "if (!this.#admit(request, step)) break;",
    instead: "if (!this.#admit(request, step)) { this.waiting.remove(request); skipped.push(request); }",
  },
  {
    rule: "chunked prefill off admits only whole prompts",
    file: plain,
    text: "if (!this.#rules.chunkedPrefill && missing > step.room) return false;",
    instead: "",
  },
  {
    rule: "the watermark only while something runs",
    file: plain,
    text: "hits, tokens, this.#lookahead, this.#running.length === 0)",
    instead: "hits, tokens, this.#lookahead, false)",
  },
  { rule: "the threshold is ignored for a single request", file: plain, text: "sequences > 1 ? Math.max", instead: "sequences > 0 ? Math.max" },
  { rule: "the adaptive threshold", file: plain, text: "Math.max(rules.longPrefillTokensMax, adaptive)", instead: "rules.longPrefillTokensMax" },
  { rule: "max_num_active_seqs", file: plain, text: "this.#rules.activeSequencesMax ?? this.#rules.sequencesMax", instead: "this.#rules.sequencesMax" },
  { rule: "a draft model's slot in the budget", file: plain, text: 'rules.speculation?.method === "draft-model" ? 1 : 0', instead: "0" },
  {
    rule: "lookahead blocks for drafts",
    file: plain,
    text: 'rules.speculation === null || rules.speculation.method === "ngram" ? 0 : rules.speculation.draftTokens',
    instead: "0",
  },
  { rule: "no padding beside prefills", file: plain, text: "tokens !== 1 || step.prefills) return 0;", instead: "tokens !== 1) return 0;" },
  { rule: "rejected drafts are taken back", file: plain, text: "request.computed -= rejected;", instead: "" },
  {
    rule: "EOS before length",
    file: plain,
    text: 'if (request.outputs >= request.stopAfter) return "stop";',
    instead: 'if (request.outputs >= request.stopAfter + 1) return "stop";',
  },
  {
    rule: "preempted re-admissions apart in the statistics",
    file: plain,
    text: 'if (request.status === "preempted") {\n      this.prefix',
    instead: 'if (request.status === "finished") {\n      this.prefix',
  },
  {
    rule: "outputs are cached when they are taken in",
    file: plain,
    text: "this.cache.publish(request, request.computed - request.placeholders);",
    instead: "",
  },
  {
    rule: "the victim of equals is the first",
    file: plain,
    text: "one.arrival > other.arrival)) place = index;",
    instead: "one.arrival >= other.arrival)) place = index;",
  },
  {
    rule: "a complete hit drops its last block",
    file: cache,
    text: "Math.floor((lengthOf(request) - 1) / this.#rules.blockTokens)",
    instead: "Math.floor(lengthOf(request) / this.#rules.blockTokens)",
  },
  { rule: "EAGLE drops one further block", file: cache, text: "if (this.#rules.dropsHitBlock) hits.pop();", instead: "" },
  {
    rule: "the reserve rule",
    file: cache,
    text: "this.#rules.reserveFullSequence ? Math.max(target, this.#blocksFor(lengthOf(request))) : target",
    instead: "target",
  },
  { rule: "hits leave the free queue", file: cache, text: "whole - hits.length + reclaimed + watermark", instead: "whole - hits.length + watermark" },
  {
    rule: "the watermark counts the null block",
    file: cache,
    text: "Math.trunc(rules.watermark * rules.blocks)",
    instead: "Math.trunc(rules.watermark * (rules.blocks - 1))",
  },
  {
    rule: "blocks are hashed when they are allocated",
    file: cache,
    text: "this.publish(request, Math.min(hitTokens + tokens, lengthOf(request)));",
    instead: "",
  },
  { rule: "only known tokens are cached", file: cache, text: "Math.min(request.computed + tokens, lengthOf(request))", instead: "request.computed + tokens" },
  {
    rule: "the first copy of a content serves",
    file: pool,
    text: "for (const block of holders) return block;\n    return 0;",
    instead: "return [...holders].at(-1) ?? 0;",
  },
  {
    rule: "unhashed blocks go to the head",
    file: pool,
    text: "for (const block of bare.toReversed()) this.#prepend(block);",
    instead: "for (const block of bare) this.#append(block);",
  },
  { rule: "the last unhashed block ends at the very head", file: pool, text: "for (const block of bare.toReversed())", instead: "for (const block of bare)" },
  { rule: "blocks are freed from the last to the first", file: pool, text: "for (const block of blocks.toReversed())", instead: "for (const block of blocks)" },
  { rule: "fast: the certain end", file: "fast/schedule-call.ts", text: "if (rules.asyncScheduling) setCertainEndsAside(state, call - 1);", instead: "" },
  {
    rule: "fast: m. after a starved call",
    file: "fast/schedule-call.ts",
    text: "if (state.starvedCall === call - 1) {",
    instead: "if (state.starvedCall === -1) {",
  },
  { rule: "fast: contents in running order", file: "fast/schedule-call.ts", text: "filling.sort((one, other) => one.order - other.order);", instead: "" },
  {
    rule: "fast: the output in flight of a preempted one still counts",
    file: "fast/walk-running.ts",
    text: "if (hasOutputInFlight(state, victim)) state.stale.add(victim);",
    instead: "",
  },
  { rule: "fast: m. a starved decode is known in full", file: "fast/scheduler-state.ts", text: "|| sequence.starvedTo === last - 1;", instead: ";" },
  { rule: "fast: who was not reached falls one call behind", file: "fast/walk-running.ts", text: "sequence.endCall++;", instead: "" },
  {
    rule: "fast: what was taken is settled before a look-up",
    file: "fast/kv-memory.ts",
    text: "this.#settle();\n    const most = Math.min(blocksMax, keys.length);",
    instead: "const most = Math.min(blocksMax, keys.length);",
  },
  { rule: "fast: ends in scheduling order", file: "fast/process-call.ts", text: "affected.sortByOrder();", instead: "" },
  {
    rule: "fast: quiet iterations end before a first token",
    file: fast,
    text: "if (state.firstsOf(oldest).count > 0) return 0;",
    instead: "",
  },
  {
    rule: "fast: quiet iterations find their blocks",
    file: fast,
    text: "quiet = decodes.callsWithin(state.memory.free, state.call + 1, quiet);",
    instead: "",
  },
  {
    rule: "fast: an arrival interrupts",
    file: fast,
    text: "this.#quiet = 0;\n    if (this.#endsAt === never && this.#startsAt === never)",
    instead: "if (this.#endsAt === never && this.#startsAt === never)",
  },
  {
    rule: "fast: in a stretch each step has the speed of its own start",
    file: fast,
    text: "this.#scaled(this.#stepTime.stepTime(shape), stretch.endsAt)",
    instead: "this.#scaled(this.#stepTime.stepTime(shape), from)",
  },
  {
    rule: "fast: who wanders does not skip as a steady one",
    file: fast,
    text: "this.#slowdown === 1 && this.#wandering === null) {",
    instead: "this.#slowdown === 1) {",
  },
  {
    rule: "a brown-out comes on top of the wandering",
    file: "plain/plain-engine.ts",
    text: "this.#slowdown * (this.#options.wandering?.factorAt(start) ?? 1)",
    instead: "(this.#options.wandering?.factorAt(start) ?? this.#slowdown)",
  },
  { rule: "each of several engines wanders by itself", file: "create-engine.ts", text: "`${index}.${part}`", instead: "`${index}.0`" },
  {
    rule: "slow spells hold fewer steps",
    file: "../step-time/wandering-speed.ts",
    text: "exp(deviation * wandered + (deviation * deviation) / 2)",
    instead: "exp(deviation * wandered - (deviation * deviation) / 2)",
  },
  {
    rule: "transfers into one engine come one after the other",
    file: "disaggregated-engine.ts",
    text: "Math.max(at, line.at(-1)?.endsAt ?? 0)",
    instead: "at as number",
  },
  { rule: "KV stays until it has been read", file: plain, text: "if (!keepsKv) this.cache.release(request);", instead: "this.cache.release(request);" },
  {
    rule: "ranks in lockstep without work run dummy steps",
    file: "plain/plain-engine.ts",
    text: "if (idle && !this.#lockstep) continue;",
    instead: "if (idle) continue;",
  },
  { rule: "waiting requests count four times", file: "rank-balancer.ts", text: "return 4 * (this.#waiting", instead: "return 1 * (this.#waiting" },
  { rule: "counts are known 100 ms late", file: "rank-balancer.ts", text: "const publishEveryUs = 100_000;", instead: "const publishEveryUs = 10_000;" },
  {
    rule: "whom a preemption held back is looked at again",
    file: plain,
    text: "&& !this.#endedSinceSchedule && !this.#heldBack;",
    instead: "&& !this.#endedSinceSchedule;",
  },
  { rule: "the prompt's last token is computed again where its KV comes to", file: plain, text: "lengthOf(request) - 1);", instead: "lengthOf(request));" },
  {
    rule: "who holds blocks already comes first",
    file: plain,
    text: "for (const request of this.#loaded) if",
    instead: "for (const request of [...this.#loaded].slice(9)) if",
  },
  {
    rule: "only what is not cached is carried over",
    file: "plain/plain-engine.ts",
    text: "remoteTokens - computed, at)",
    instead: "remoteTokens, at)",
  },
  {
    rule: "a step in lockstep takes as long as its longest rank",
    file: "plain/plain-engine.ts",
    text: "longest = Math.max(longest, stepTime",
    instead: "longest = Math.max(0, stepTime",
  },
  {
    rule: "ranks in lockstep ask each other in every 32nd step",
    file: "plain/plain-engine.ts",
    text: "this.#waveSteps % 32 === 0",
    instead: "this.#waveSteps % 16 === 0",
  },
  {
    rule: "the coordinator hears of every end",
    file: "plain/plain-engine.ts",
    text: "this.#sequences.delete(id);\n        this.#balancer.changed(at);",
    instead: "this.#sequences.delete(id);",
  },
  {
    rule: "the first of equal ranks",
    file: "rank-balancer.ts",
    text: "this.#scoreOf(rank) < this.#scoreOf(best)",
    instead: "this.#scoreOf(rank) <= this.#scoreOf(best)",
  },
  { rule: "a transfer takes latency and bytes", file: "disaggregated-engine.ts", text: "latencyUs + (tokens", instead: "(tokens" },
  {
    rule: "who was aborted frees its blocks on the prefill engine",
    file: "disaggregated-engine.ts",
    text: 'if (command.reason === "abort" && course.stage === "decode") this.#freePrefill(course, at);',
    instead: "",
  },
  {
    rule: "a slot used again is not taken for the sequence before",
    file: "disaggregated-engine.ts",
    text: "if (this.#courses.get(first.id) !== first.course) continue;",
    instead: "if (!this.#courses.has(first.id)) continue;",
  },
  {
    rule: "preemptions of a crashed prefill engine are told",
    file: "disaggregated-engine.ts",
    text: 'if (course.stage === "prefill") course.preemptions += command.preemptions;',
    instead: "",
  },
];
