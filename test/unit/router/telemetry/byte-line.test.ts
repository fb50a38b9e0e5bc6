import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteLine } from "../../../../router/telemetry/byte-line.ts";

function written(write: (line: ByteLine) => void): string {
  const line = new ByteLine();
  line.text("what was there before");
  line.clear();
  write(line);
  return line.toString();
}

test("a number is what JSON makes of it", () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(1000)), (value) => {
      expect(Number(written((line) => line.number(value)))).toBe(value === 0 ? 0 : value);
    }),
  );
  expect(written((line) => [0, 9, 10, 99, 100, 1e15, -7].forEach((value) => line.number(value)))).toBe("0910991001000000000000000-7");
});

test("thousandths", () => {
  expect(written((line) => line.thousandths(0))).toBe("0.000");
  expect(written((line) => line.thousandths(12.0406))).toBe("12.041");
  expect(written((line) => line.thousandths(0.9996))).toBe("1.000");
});

test("whatever its parts are, a line is as long as they are", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("put", "text", "ascii"), fc.string({ unit: "grapheme", maxLength: 3000 }))), (parts) => {
      const texts = parts.map(([kind, text]) => (kind === "ascii" ? text.replaceAll(/[^a-z0-9]/g, "-") : text));
      const whole = written((line) => {
        for (const [place, text] of texts.entries()) {
          const kind = parts[place]?.[0];
          if (kind === "put") line.put(Buffer.from(text));
          else if (kind === "ascii") line.ascii(text);
          else line.text(text);
        }
      });
      expect(whole).toBe(texts.map((text) => Buffer.from(text).toString()).join(""));
    }),
  );
});
