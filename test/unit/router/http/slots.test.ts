import { expect, test } from "vitest";
import { Slots } from "../../../../router/http/slots.ts";

test("slots are small, used again, and released once", () => {
  const slots = new Slots<{ readonly id: number }>();
  const make = (id: number) => ({ id });
  expect([slots.take(make).id, slots.take(make).id, slots.take(make).id]).toEqual([0, 1, 2]);
  slots.release(1);
  expect(slots.at(1)).toBeNull();
  expect(slots.inUse).toBe(2);
  expect(slots.take(make).id).toBe(1);
  slots.release(0);
  expect(() => slots.release(0)).toThrow("released twice");
});
