import { expect, test } from "vitest";
import { unknownName } from "../../../../router/core/messages.ts";
import { readLabels } from "../../../../router/http/request-labels.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const config = fixtureConfig();

test("labels are read from the headers; unknown names are told apart from none", () => {
  expect(readLabels({}, config)).toEqual({ tags: [], tagMatch: "any", region: -1, residency: -1 });
  const headers = { "x-headgate-tags": "red, green,,blue", "x-headgate-tags-match": "all", "x-headgate-region": "mars", "x-headgate-residency": "there" };
  expect(readLabels(headers, config)).toEqual({ tags: [1, unknownName, 2], tagMatch: "all", region: -1, residency: 1 });
  expect(readLabels({ "x-headgate-residency": "mars" }, config).residency).toBe(unknownName);
});
