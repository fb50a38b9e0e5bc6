import { changed, type PlaceInValue, placesIn } from "../places-in.ts";
import type { Dice } from "./dice.ts";

/**
 * Valid JSON that nobody means: numbers beyond all measure, what is nested 10,000 deep, lists of 100,000, keys given twice. As text, since JSON.stringify can write few of them.
 */
const repeated = (text: string, count: number): string => Array.from({ length: count }, () => text).join(",");
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

export const absurdNumbers: readonly string[] = [
  "1e308",
  "-1e308",
  "1e999",
  "-1",
  "-0",
  "0",
  "0.5",
  "1e-320",
  "1.0",
  "9007199254740993",
  "9007199254740991",
  "10000001",
  "4294967296",
  "2147483648",
  "9".repeat(400),
];
const oddWords: readonly string[] = ["null", "true", "false", '""', "[]", "{}", '"7"', "[null]", "[[]]", "[{}]", '{"type":{}}', '{"index":-1,"type":"text"}'];
const oddTexts: readonly string[] = [
  String.raw`"\ud800"`,
  String.raw`"\udc00\ud800"`,
  String.raw`"\u0000"`,
  `"${"x".repeat(300_000)}"`,
  '{"__proto__":{"type":"text"}}',
  '{"constructor":{"prototype":1},"__proto__":null}',
  '"__proto__"',
  '"constructor"',
  '{"type":"text","type":7,"type":"text","text":1,"text":"x"}',
];
const large: readonly string[] = [
  nested(10_000),
  '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000),
  `[${repeated("1", 100_000)}]`,
  `[${repeated("[1]", 100_000)}]`,
  `[${repeated("{}", 100_000)}]`,
  `[${repeated('{"type":"function","name":"f","input_schema":{},"function":{"name":"f","parameters":{}}}', 1000)}]`,
  `[${repeated('{"role":"user","content":"x"}', 500)}]`,
  `{${Array.from({ length: 10_000 }, (_, place) => `"k${place}":1`).join(",")}}`,
];
const small: readonly string[] = [...absurdNumbers, ...oddWords, ...oddTexts];
export const absurdValues: readonly string[] = [...small, ...large];

const mark = "absurd value here";

/** @param twice the key is given twice: once with the absurd value, then with its own */
export function withAbsurd(sample: object, place: PlaceInValue, value: string, twice: boolean): string {
  const key = place.at(-1);
  if (place.length === 1 && !Object.hasOwn(sample, key ?? "")) return JSON.stringify(sample).replace("{", () => `{${JSON.stringify(key)}:${value},`);
  const own = place.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], sample);
  const again = twice && typeof key === "string" ? `,${JSON.stringify(key)}:${JSON.stringify(own)}` : "";
  return JSON.stringify(changed(sample, place, mark)).replace(JSON.stringify(mark), () => value + again);
}

/** Where something absurd may stand: in place of what there is, and where none is. */
export function absurdPlaces(sample: object, more: readonly string[] = []): readonly PlaceInValue[] {
  return [...placesIn(sample).slice(1), ...more.map((key) => [key]), ["__proto__"], ["constructor"]];
}

/** The large ones seldom. */
export function absurdJson(dice: Dice, sample: object, more: readonly string[] = []): string {
  const value = dice.pick(dice.chance(0.1) ? large : small);
  return withAbsurd(sample, dice.pick(absurdPlaces(sample, more)), value, dice.chance(0.1));
}
