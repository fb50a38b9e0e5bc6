import type { AnswerWishes } from "./mock-body.ts";

/** A token of the mock: a word with the space before it, unless a vocabulary says otherwise. */
export interface MockToken {
  readonly id: number;
  readonly text: string;
}
export const plainVocabulary: readonly MockToken[] = [{ id: 2_000, text: " word" }];
const endToken: MockToken = { id: 2, text: "" };

/**
 * What an answer says. Its tokens are those of the vocabulary, in circle, or those of the text that is asked for and then the end token. It ends where its length, a stop
 * string or a stop token ends it. With stop strings the text that may become part of one is held back, as vLLM does: all but the last letters of the longest.
 */
export interface AnswerScript {
  /** At most so many: the caller's cap and the engine may end it earlier. */
  readonly outputTokens: number;
  /** Null: it is the model that ends it. */
  readonly stopped: { readonly reason: string | number | null } | null;
  /** Each token is the same one. */
  readonly uniform: boolean;
  tokenAt(index: number): MockToken;
  /** What of the text leaves with a token. */
  pieceAt(index: number): string;
  /** The whole text of an answer of so many tokens. */
  text(tokens: number): string;
}

/** @param natural how long the answer would be if nothing but its length ended it (tokens), the caller's cap included */
export function answerScript(wishes: AnswerWishes, vocabulary: readonly MockToken[], natural: number, outputTokensMin: number): AnswerScript {
  const source = sourceOf(wishes, vocabulary, natural, outputTokensMin);
  if (wishes.stop.length === 0 && wishes.stopTokenIds.length === 0) {
    return {
      ...source,
      stopped: source.ended ? { reason: null } : null,
      pieceAt: (index) => source.tokenAt(index).text,
      text: (tokens) => (source.uniform ? source.tokenAt(0).text.repeat(tokens) : textOf(source, tokens)),
    };
  }
  return stoppedScript(wishes, source);
}

interface Source {
  readonly outputTokens: number;
  /** By the end token, which is its last. */
  readonly ended: boolean;
  readonly uniform: boolean;
  tokenAt(index: number): MockToken;
}

function sourceOf(wishes: AnswerWishes, vocabulary: readonly MockToken[], natural: number, outputTokensMin: number): Source {
  const wordAt = (index: number): MockToken => vocabulary[index % vocabulary.length] ?? endToken;
  const uniform = vocabulary.length === 1;
  if (wishes.text !== null) {
    const pieces = wishes.text.match(/[^]{1,4}/g) ?? [];
    const ended = pieces.length < natural;
    const tokenAt = (index: number): MockToken => (index < pieces.length ? { id: 3_000 + index, text: pieces[index] ?? "" } : endToken);
    return { outputTokens: ended ? pieces.length + 1 : natural, ended, uniform: false, tokenAt };
  }
  if (!wishes.endAtOnce) return { outputTokens: natural, ended: false, uniform, tokenAt: wordAt };
  if (wishes.ignoreEnd) return { outputTokens: natural, ended: false, uniform: true, tokenAt: () => endToken };
  const ended = outputTokensMin < natural;
  const tokenAt = (index: number): MockToken => (index < outputTokensMin ? wordAt(index) : endToken);
  return { outputTokens: ended ? outputTokensMin + 1 : natural, ended, uniform: false, tokenAt };
}

function textOf(source: Source, tokens: number): string {
  return Array.from({ length: tokens }, (_, index) => source.tokenAt(index).text).join("");
}

function stoppedScript(wishes: AnswerWishes, source: Source): AnswerScript {
  const { stop, includeStop, stopTokenIds } = wishes;
  const heldBack = includeStop ? 0 : Math.max(1, ...stop.map(({ length }) => length)) - 1;
  const shown: string[] = [];
  let whole = "";
  let sent = 0;
  let stopped: AnswerScript["stopped"] = null;
  for (let index = 0; index < source.outputTokens && stopped === null; index += 1) {
    const token = source.tokenAt(index);
    if (stopTokenIds.includes(token.id)) stopped = { reason: token.id };
    else {
      whole += token.text;
      const found = firstStop(whole, stop, whole.length - token.text.length);
      if (found !== null) {
        whole = whole.slice(0, found.at + (includeStop ? found.stop.length : 0));
        stopped = { reason: found.stop };
      }
    }
    const last = stopped !== null || index === source.outputTokens - 1;
    const until = last ? whole.length : Math.max(sent, whole.length - heldBack);
    shown.push(whole.slice(sent, until));
    sent = until;
  }
  return {
    outputTokens: shown.length,
    stopped: stopped ?? (source.ended ? { reason: null } : null),
    uniform: false,
    tokenAt: (index) => source.tokenAt(index),
    pieceAt: (index) => shown[index] ?? "",
    text: (tokens) => shown.slice(0, tokens).join(""),
  };
}

/** @param from where the newest token begins: what stood before it was searched */
function firstStop(text: string, stop: readonly string[], from: number): { readonly at: number; readonly stop: string } | null {
  for (const word of stop) {
    const at = text.indexOf(word, Math.max(0, from - word.length + 1));
    if (at !== -1) return { at, stop: word };
  }
  return null;
}
