import { expect, test } from "vitest";
import { RequestNames } from "../../../../router/http/request-names.ts";

test("names are random UUIDs, each of them once", () => {
  const names = new RequestNames();
  const seen = Array.from({ length: 1000 }, () => names.next());
  for (const name of seen) expect(name).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(seen).size).toBe(1000);
  // Every digit is drawn, in every place.
  const place = (at: number): number => new Set(seen.map((name) => name[at])).size;
  for (const at of [0, 7, 9, 15, 20, 24, 35]) expect(place(at)).toBe(16);
});
