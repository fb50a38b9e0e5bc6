import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PlainReader, PlainWriter } from "../../router/core/journal/plain-codec.ts";

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false, Infinity, -Infinity, NaN, -0, 2 ** 53, -(2 ** 52), 0.1),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.array(fc.integer()).map((list) => Int32Array.from(list)),
    fc.array(fc.double()).map((list) => Float64Array.from(list)),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

test("what is written is read, value by value of one stream", () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 6 }), (values) => {
      const writer = new PlainWriter();
      const reader = new PlainReader();
      for (const value of values) {
        writer.value(value);
        reader.open(writer.take());
        expect(reader.value()).toEqual(value);
      }
    }),
    { numRuns: 500 },
  );
});

test("names and shapes are written once", () => {
  const writer = new PlainWriter();
  const value = { kind: "attempt-ended", outcome: { kind: "succeeded" } };
  writer.value(value);
  const first = writer.take().length;
  writer.value(value);
  expect(writer.take().length).toBeLessThan(first / 4);
});
