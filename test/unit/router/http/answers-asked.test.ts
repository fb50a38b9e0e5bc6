import { expect, test } from "vitest";
import type { Dialect } from "../../../../router/providers/provider-adapter.ts";
import { answersAsked } from "../../../../router/http/answers-asked.ts";
import { callerRequest } from "../../../support/caller.ts";

const asked = (dialect: Dialect, fields: object): number => answersAsked(callerRequest(dialect, JSON.stringify({ model: "m", ...fields })));

test("of a chat n; what other dialects know nothing of counts nothing", () => {
  const messages = [{ role: "user", content: "a" }];
  expect(asked("openai-chat", { messages })).toBe(1);
  expect(asked("openai-chat", { messages, n: 3 })).toBe(3);
  expect(asked("openai-chat", { messages, n: 1e300 })).toBe(1_000_000);
  expect(asked("anthropic-messages", { messages, n: 3 })).toBe(1);
  expect(asked("openai-responses", { input: ["a"], n: 3 })).toBe(1);
});

test("of completions n or best_of, to each prompt", () => {
  expect(asked("openai-completions", { prompt: "a b" })).toBe(1);
  expect(asked("openai-completions", { prompt: ["a", "b"], n: 2 })).toBe(4);
  expect(asked("openai-completions", { prompt: ["a", "b"], n: 2, best_of: 5 })).toBe(10);
  expect(asked("openai-completions", { prompt: [1, 2, 3], n: 2 })).toBe(2);
  expect(asked("openai-completions", { prompt: [[1, 2], [3]] })).toBe(2);
  expect(asked("openai-completions", { prompt: [] })).toBe(1);
});
