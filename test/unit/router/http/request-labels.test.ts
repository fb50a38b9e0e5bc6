import { expect, test } from "vitest";
import { unknownName } from "../../../../router/core/messages.ts";
import { readAsks } from "../../../../router/http/read-asks.ts";
import { labelsOf } from "../../../../router/http/request-labels.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const config = fixtureConfig();
const labels = (headers: Record<string, string>) => {
  const read = readAsks(new Map(Object.entries(headers)), new Map());
  if (read.kind === "invalid") throw new Error(read.message);
  return labelsOf(read.asks, config);
};

test("labels are read from the headers; unknown names are told apart from none", () => {
  expect(labels({})).toEqual({ tags: [], tagMatch: "any", region: -1, residency: -1 });
  const headers = { "x-headgate-tags": "red, green,,blue", "x-headgate-tags-match": "all", "x-headgate-region": "mars", "x-headgate-residency": "there" };
  expect(labels(headers)).toEqual({ tags: [1, unknownName, 2], tagMatch: "all", region: -1, residency: 1 });
  expect(labels({ "x-headgate-residency": "mars" }).residency).toBe(unknownName);
});
