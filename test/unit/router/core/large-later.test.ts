import { expect, test } from "vitest";
import { largeLater } from "../../../../router/core/large-later.ts";

test("a state whose fields get room for large numbers holds what it held", () => {
  const state = { spent: 0, nonce: -1, until: Infinity, credit: true };
  expect(largeLater(state, ["spent", "nonce", "until"])).toBe(state);
  expect(state).toStrictEqual({ spent: 0, nonce: -1, until: Infinity, credit: true });
});
