import type { SessionScript, SessionStep } from "../../core/workload/session-script.ts";
import { SampleValues } from "./sample-values.ts";
import { type Percentiles, ValueCounts } from "./value-counts.ts";

/** Of closed-loop sessions. */
export interface ConversationFigures {
  readonly conversations: number;
  readonly requests: number;
  readonly sub_agents: number;
  readonly block_tokens: number;
  /** Leading blocks that the conversation (a sub-agent: with its parent's so far) had seen before, in tokens, at most the input, over input. */
  readonly conversation_token_hit: number;
  readonly calls_per_conversation: Percentiles | null;
  readonly think_s: Percentiles | null;
  readonly api_time_s: Percentiles | null;
  readonly ttft_s: Percentiles | null;
}

export interface TokenSinks {
  call(inputTokens: number, outputTokens: number): void;
}

export class ConversationCounts {
  readonly #tokens: TokenSinks;
  readonly #calls = new ValueCounts();
  readonly #think = new SampleValues();
  readonly #api = new SampleValues();
  readonly #ttft = new SampleValues();
  #requests = 0;
  #subAgents = 0;
  #blockTokens = 0;
  #hitTokens = 0;
  #inputTokens = 0;

  constructor(tokens: TokenSinks) {
    this.#tokens = tokens;
  }

  add(script: SessionScript): void {
    this.#blockTokens = script.blockTokens;
    const before = this.#requests;
    this.#walk(script.steps, new Set(), script.blockTokens);
    this.#calls.add(this.#requests - before);
  }

  figures(): ConversationFigures | null {
    if (this.#calls.count === 0) return null;
    return {
      conversations: this.#calls.count,
      requests: this.#requests,
      sub_agents: this.#subAgents,
      block_tokens: this.#blockTokens,
      conversation_token_hit: this.#inputTokens === 0 ? 0 : this.#hitTokens / this.#inputTokens,
      calls_per_conversation: this.#calls.percentiles(),
      think_s: this.#think.percentiles(),
      api_time_s: this.#api.percentiles(),
      ttft_s: this.#ttft.percentiles(),
    };
  }

  #walk(steps: readonly SessionStep[], seen: Set<number>, blockTokens: number): void {
    for (const step of steps) {
      if (step.kind === "sub-agents") {
        this.#subAgents += step.agents.length;
        for (const agent of step.agents) this.#walk(agent, new Set(seen), blockTokens);
        continue;
      }
      this.#requests += 1;
      this.#tokens.call(step.inputTokens, step.outputTokens);
      this.#inputTokens += step.inputTokens;
      this.#hitTokens += Math.min(leadingSeen(step.blockRuns, seen) * blockTokens, step.inputTokens);
      this.#think.add(step.thinkUs / 1_000_000);
      if (step.apiSeconds !== null) this.#api.add(step.apiSeconds);
      if (step.ttftSeconds !== null) this.#ttft.add(step.ttftSeconds);
    }
  }
}

/** How many leading blocks are seen; all of them are afterwards. */
function leadingSeen(runs: readonly number[], seen: Set<number>): number {
  let leading = 0;
  let unbroken = true;
  for (let index = 0; index < runs.length; index += 2) {
    const first = runs[index] ?? 0;
    const count = runs[index + 1] ?? 0;
    for (let id = first; id < first + count; id += 1) {
      if (unbroken && seen.has(id)) leading += 1;
      else unbroken = false;
      seen.add(id);
    }
  }
  return leading;
}
