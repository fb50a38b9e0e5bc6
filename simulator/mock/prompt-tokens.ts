/**
 * The mock's tokenizer, where more than a count is wanted: a token per word, with an id from its letters. Blocks of a prompt are chained by their words, so that two prompts
 * share exactly the blocks of the words that they begin with, as in an engine's prefix cache.
 */
const firstHash = 0x811c9dc5;

export function wordsOf(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== ""));
}

export function tokenIdOf(word: string, vocabularySize: number): number {
  let hash = firstHash;
  for (let index = 0; index < word.length; index += 1) hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % vocabularySize;
}

/** A key per whole block. @param before tokens of the chat template, the same for all, in front of the words */
export function promptBlocks(texts: readonly string[], blockTokens: number, salt: string, before: number): Int32Array {
  const keys: number[] = [];
  let hash = firstHash;
  for (let index = 0; index < salt.length; index += 1) hash = Math.imul(hash ^ salt.charCodeAt(index), 0x01000193);
  let tokens = before;
  let inWord = false;
  const endWord = (): void => {
    inWord = false;
    hash = Math.imul(hash ^ 0x20, 0x01000193);
    tokens += 1;
    if (tokens % blockTokens === 0) keys.push(hash & 0x7fffffff);
  };
  for (const text of texts) {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 32) {
        hash = Math.imul(hash ^ code, 0x01000193);
        inWord = true;
      } else if (inWord) endWord();
    }
    if (inWord) endWord();
  }
  return Int32Array.from(keys);
}
