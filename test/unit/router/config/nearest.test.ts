import { expect, test } from "vitest";
import { nearestName, suggestion } from "../../../../router/config/nearest.ts";

test("the nearest of the known names, by edits; case and separators count for nothing", () => {
  const known = ["outputTokensDefault", "deployments", "strategy", "queue", "retry"];
  const near = ["startegy", "output_tokens_default", "deployment", "Queue", "retrys", "timeouts", "x", ""].map((name) => nearestName(name, known));
  expect(near).toEqual(["strategy", "outputTokensDefault", "deployments", "queue", "retry", null, null, null]);
});

test("a short name is not rewritten whole", () => {
  expect(nearestName("b", ["a", "c"])).toBeNull();
  expect(nearestName("prt", ["port", "host"])).toBe("port");
});

test("a suggestion lists what there is", () => {
  expect(suggestion("hst", ["port", "host"])).toBe('did you mean "host"? (known: port, host)');
  expect(suggestion("zzz", [])).toBe("there are none");
  expect(
    suggestion(
      "zzz",
      Array.from({ length: 30 }, (_, index) => `name-${index}`),
    ),
  ).toMatch(/, \.\.\.$/);
});
