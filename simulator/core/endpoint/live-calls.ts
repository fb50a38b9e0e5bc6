import { assert } from "../../../router/core/assert.ts";
import type { Usage } from "../../../router/core/messages.ts";
import type { CallId } from "../endpoint.ts";
import type { SequenceId } from "../engine/engine.ts";
import { grown } from "../grown.ts";

/** A call that a replica has under way: its row, which it keeps until its engine has let go and nothing of it is on its way. So it is its sequence's id in the engine too. */
export type LiveCall = SequenceId;

/** Places in a row: ids, tokens, and in the lowest bits of `cached` what has become of it. */
const width = 4;
const ofCall = { call: 0, inputTokens: 1, generated: 2, cached: 3 } as const;
/** Leaves 27 for tokens: a context has 100 million at most. */
const fateBits = 4;
const taken = 1;
/** Not aborted, ended or cut; what is still on its way from a call that is not open is dropped. */
const open = 2;
/** Where it ends its connection breaks. */
const cut = 4;
const started = 8;

/** The calls under way of any number of replicas, in rows of numbers: see OpenWork. */
export class LiveCalls {
  // Written here alone; open, since private fields are slow to write (see EngineLoop).
  cells = new Int32Array(16 * width);
  readonly #spare: LiveCall[] = [];
  #count = 0;

  add(call: CallId, inputTokens: number, isCut: boolean): LiveCall {
    const id = this.#spare.pop() ?? this.#newRow();
    const { cells } = this;
    const row = id * width;
    cells[row + ofCall.call] = call;
    cells[row + ofCall.inputTokens] = inputTokens;
    cells[row + ofCall.generated] = 0;
    cells[row + ofCall.cached] = isCut ? taken | open | cut : taken | open;
    return id;
  }

  /** How many there are. */
  get underWay(): number {
    return this.#count - this.#spare.length;
  }

  #newRow(): LiveCall {
    const row = this.#count++;
    if ((row + 1) * width > this.cells.length) this.cells = grown(this.cells, new Int32Array(2 * this.cells.length));
    return row as LiveCall;
  }

  /** It stands nowhere any more. The row stays as it is until another call has it. */
  remove(id: LiveCall): void {
    assert(this.#has(id, taken), "a call is removed once");
    this.#drop(id, taken | open);
    this.#spare.push(id);
  }

  callOf(id: LiveCall): CallId {
    return this.cells[id * width + ofCall.call] as CallId;
  }

  isOpen(id: LiveCall): boolean {
    return this.#has(id, open);
  }

  isCut(id: LiveCall): boolean {
    return this.#has(id, cut);
  }

  hasStarted(id: LiveCall): boolean {
    return this.#has(id, started);
  }

  #has(id: LiveCall, bit: number): boolean {
    return ((this.cells[id * width + ofCall.cached] as number) & bit) !== 0;
  }

  close(id: LiveCall): void {
    this.#drop(id, open);
  }

  #drop(id: LiveCall, bits: number): void {
    const place = id * width + ofCall.cached;
    this.cells[place] = (this.cells[place] as number) & ~bits;
  }

  start(id: LiveCall, cachedTokens: number): void {
    const { cells } = this;
    const place = id * width + ofCall.cached;
    cells[place] = (cells[place] as number) | (cachedTokens << fateBits) | started;
  }

  generatedOf(id: LiveCall): number {
    return this.cells[id * width + ofCall.generated] as number;
  }

  /** @param generated output tokens so far */
  noteOutput(id: LiveCall, generated: number): void {
    this.cells[id * width + ofCall.generated] = generated;
  }

  usageOf(id: LiveCall): Usage {
    const { cells } = this;
    const row = id * width;
    return {
      input: this.#has(id, started) ? (cells[row + ofCall.inputTokens] as number) : 0,
      cachedRead: (cells[row + ofCall.cached] as number) >> fateBits,
      cacheWrite: 0,
      output: cells[row + ofCall.generated] as number,
      reasoning: 0,
    };
  }
}
