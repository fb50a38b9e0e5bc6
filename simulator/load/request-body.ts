import type { Arrival } from "../core/workload/arrival.ts";

/** Four bytes with the space before it: what estimators by length take for a token. */
const fillerWord = " the";

/**
 * Bodies of chat completions whose prompt has a given number of words. The first word is the arrival's number, `#17`: no prompt shares a prefix with another
 * that the trace does not say it shares, and a mock keys its draws by it. Each body is one allocation and one copy out of a filler that is made once.
 */
export class RequestBodies {
  #filler = Buffer.alloc(0);

  bodyOf(arrival: Arrival, serial: number, model: string): Buffer {
    const outputTokens = Math.max(1, arrival.outputTokens);
    const head = Buffer.from(`{"model":${JSON.stringify(model)},"messages":[{"role":"user","content":"#${serial}`);
    const tail = Buffer.from(
      `"}],"max_tokens":${outputTokens},"min_tokens":${outputTokens},"ignore_eos":true,"stream":true,"stream_options":{"include_usage":true}${askedOf(arrival)}}`,
    );
    const fillerBytes = Math.max(0, arrival.inputTokens - 1) * fillerWord.length;
    const filler = this.#fillerOf(fillerBytes);
    const body = Buffer.allocUnsafe(head.length + fillerBytes + tail.length);
    head.copy(body, 0);
    filler.copy(body, head.length, 0, fillerBytes);
    tail.copy(body, head.length + fillerBytes);
    return body;
  }

  #fillerOf(bytes: number): Buffer {
    if (this.#filler.length < bytes) this.#filler = Buffer.alloc(Math.max(bytes, 2 * this.#filler.length, 65_536), fillerWord);
    return this.#filler;
  }
}

function askedOf({ batch, features }: Arrival): string {
  const tier = batch === true ? ',"service_tier":"flex"' : "";
  return features?.qualityFloor === undefined ? tier : `${tier},"quality_threshold":${features.qualityFloor}`;
}
