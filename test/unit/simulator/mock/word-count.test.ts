import { expect, test } from "vitest";
import { countWords } from "../../../../simulator/mock/word-count.ts";

test("words are what whitespace separates", () => {
  expect(countWords("")).toBe(0);
  expect(countWords(" \n\t ")).toBe(0);
  expect(countWords("one")).toBe(1);
  expect(countWords(" one\ttwo\r\nthree  four ")).toBe(4);
  expect(countWords("größe 東京 #17")).toBe(3);
});

test("10,000 words cost well below a millisecond", () => {
  const text = " the".repeat(10_000);
  countWords(text);
  const started = performance.now();
  for (let round = 0; round < 20; round += 1) expect(countWords(text)).toBe(10_000);
  expect((performance.now() - started) / 20).toBeLessThan(2);
});
