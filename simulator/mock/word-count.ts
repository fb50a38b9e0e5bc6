/**
 * The mock's tokenizer: one token per word, words being what whitespace (code units up to space) separates. No template tokens are added, so a prompt of
 * N words has N tokens. One pass without allocation: 10,000 words cost some tens of microseconds.
 */
export function countWords(text: string): number {
  let words = 0;
  let inWord = false;
  for (let index = 0; index < text.length; index += 1) {
    const isWord = text.charCodeAt(index) > 32;
    if (isWord && !inWord) words += 1;
    inWord = isWord;
  }
  return words;
}
