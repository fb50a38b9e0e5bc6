import { expect, test } from "vitest";
import { countWords } from "../../../../simulator/mock/word-count.ts";

test("words are what whitespace separates", () => {
  expect(countWords("")).toBe(0);
  expect(countWords(" \n\t ")).toBe(0);
  expect(countWords("one")).toBe(1);
  expect(countWords(" one\ttwo\r\nthree  four ")).toBe(4);
  expect(countWords("größe 東京 #17")).toBe(3);
});

test("a prompt of 100,000 words is counted whole", () => {
  expect(countWords(" the".repeat(100_000))).toBe(100_000);
});
