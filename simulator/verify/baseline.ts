import { readFileSync } from "node:fs";
import { z } from "zod";
import { InputError } from "../../router/config/problem.ts";
import { metricNames } from "../core/measure/metric-names.ts";
import type { Metrics } from "../core/measure/metrics.ts";
import type { SeedFigures } from "../result/run-result.ts";
import type { ScenarioOutcome } from "./verify-result.ts";
import { defaultTolerances, type Tolerance } from "./tolerances.ts";

/** What a folder's scenarios gave, and how far later runs may be from it: figures, not digests, so that people can read and change it. */
export interface Baseline {
  readonly tolerances: readonly Tolerance[];
  readonly scenarios: ReadonlyMap<string, readonly SeedFigures[]>;
}

const endless = "endless";
const figure = z.union([z.number(), z.null(), z.literal(endless)]);
const fileSchema = z.strictObject({
  version: z.literal(1),
  tolerances: z.array(
    z
      .strictObject({
        metric: z.enum(metricNames),
        better: z.enum(["less", "more"]),
        percent: z.number().min(0).optional(),
        absolute: z.number().min(0).optional(),
      })
      .refine(({ percent, absolute }) => (percent === undefined) !== (absolute === undefined), "give either percent or absolute"),
  ),
  scenarios: z.record(z.string(), z.array(z.strictObject({ seed: z.int().min(0), metrics: z.record(z.string(), figure) }))),
});

/** Null: there is no such file. @throws InputError */
export function readBaseline(file: string): Baseline | null {
  const text = textOf(file);
  if (text === null) return null;
  const checked = fileSchema.safeParse(parsed(file, text));
  if (!checked.success) throw new InputError(checked.error.issues.map(({ path, message }) => problem(file, path.map(String).join("."), message)));
  const { tolerances, scenarios } = checked.data;
  return {
    tolerances: tolerances.map(({ metric, better, percent, absolute }) => ({
      metric,
      better,
      ...(percent === undefined ? {} : { percent }),
      ...(absolute === undefined ? {} : { absolute }),
    })),
    scenarios: new Map(Object.entries(scenarios).map(([name, seeds]) => [name, seeds.map(({ seed, metrics }) => ({ seed, metrics: metricsFrom(metrics) }))])),
  };
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw new InputError([problem(file, null, "cannot be read")]);
  }
}

function parsed(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError([problem(file, null, "is not JSON")]);
  }
}

const problem = (file: string, field: string | null, message: string) => ({
  file,
  line: null,
  column: null,
  field,
  message,
  fix: "repair it, or delete it and let the next run write a new one",
});

function metricsFrom(written: Readonly<Record<string, number | null | typeof endless>>): Metrics {
  return Object.fromEntries(metricNames.map((name) => [name, written[name] === endless ? Infinity : (written[name] ?? null)])) as Metrics;
}

/** The baseline after this run: scenarios that did not run keep what they had, those that are gone go. */
export function baselineText(outcomes: readonly ScenarioOutcome[], old: Baseline | null): string {
  const tolerances = old?.tolerances ?? defaultTolerances;
  const scenarios = Object.fromEntries(
    outcomes.flatMap(({ name, seeds }) => {
      const kept = seeds.length > 0 ? seeds : (old?.scenarios.get(name) ?? []);
      return kept.length === 0 ? [] : [[name, kept.map(({ seed, metrics }) => ({ seed, metrics: writtenOf(metrics, tolerances) }))]];
    }),
  );
  return `${JSON.stringify({ version: 1, tolerances, scenarios }, null, 2)}\n`;
}

function writtenOf(metrics: Metrics, tolerances: readonly Tolerance[]): Readonly<Record<string, number | null | string>> {
  return Object.fromEntries(tolerances.map(({ metric }) => [metric, metrics[metric] === Infinity ? endless : metrics[metric]]));
}
