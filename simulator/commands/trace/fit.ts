import { renameSync, writeFileSync } from "node:fs";
import { styleText } from "node:util";
import Table from "cli-table3";
import { Command, Option } from "commander";
import { InputError } from "../../../router/config/problem.ts";
import { accepted, compareShapes, type Criterion, LoadShape } from "../../trace/model/acceptance.ts";
import { ModelFitter } from "../../trace/model/fit-model.ts";
import { type GenerateOptions, generateRows, noGrowth } from "../../trace/model/generate-rows.ts";
import type { WorkloadModel } from "../../trace/model/workload-model.ts";
import { readTrace } from "../../trace/trace-reader.ts";
import type { TraceSink } from "../../trace/trace-format.ts";
import { checkWritable } from "../check-writable.ts";
import { formatOf, readOptionsOf, type TraceOptions, withTraceOptions } from "./trace-options.ts";

interface Options extends TraceOptions {
  readonly out?: string;
  readonly arrivals: GenerateOptions["arrivals"];
  readonly json: boolean;
}

export function fitCommand(): Command {
  return withTraceOptions(
    new Command("fit")
      .description("fit a workload model to a trace, and accept it only if what it generates is like the trace, with two seeds")
      .argument("<file>", "trace, zipped or not")
      .option("-o, --out <file>", "where to write the model (JSON); it is written only if it is accepted"),
  )
    .addOption(
      new Option("--arrivals <kind>", "poisson: arrivals at the mean rate, which real traffic does not have: shows that they are not accepted")
        .choices(["fitted", "poisson"])
        .default("fitted"),
    )
    .option("--json", "print the comparison as JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  headgate trace fit week.csv.gz -o model.json && headgate trace generate model.json --duration 24h -o day.jsonl.gz\n\nExit codes: 0 accepted, 1 not accepted, 2 bad input",
    )
    .action(fit);
}

async function fit(file: string, options: Options): Promise<void> {
  if (options.out !== undefined) checkWritable(options.out, "--out");
  const format = await formatOf(file, options);
  const fitter = new ModelFitter(`${file} (${format.name})`, options.seed);
  const source = new LoadShape();
  await readTrace(file, format, readOptionsOf(options), bothOf(fitter, source));
  if (fitter.closedSessions > 0) throw problem(file, "is a closed loop: its sessions are played as they are", "fit a trace of requests at recorded instants");
  const model = fitter.model();
  if (model.envelope.length < 10) throw problem(file, `has ${model.envelope.length} whole minutes, too few to fit`, "give a trace of 10 minutes or more");
  const seeds = [options.seed, options.seed + 1];
  const comparisons = seeds.map((seed) => compareShapes(source.figures(), shapeOf(model, seed, options.arrivals)));
  const all = comparisons.every(accepted);
  if (all && options.out !== undefined) writeWhole(options.out, JSON.stringify(model));
  process.exitCode = all ? 0 : 1;
  if (options.json) {
    const figures = seeds.map((seed, place) => ({ seed, accepted: accepted(comparisons[place] ?? []), criteria: comparisons[place] }));
    process.stdout.write(`${JSON.stringify({ file, accepted: all, out: all ? (options.out ?? null) : null, bursts: model.bursts, seeds: figures })}\n`);
  } else {
    process.stdout.write(
      `${comparisonTable(seeds, comparisons)}\n${all ? styleText("green", "accepted") : styleText("red", "not accepted")}${all && options.out !== undefined ? `: ${options.out}` : ""}\n`,
    );
  }
}

function shapeOf(model: WorkloadModel, seed: number, arrivals: GenerateOptions["arrivals"]): ReturnType<LoadShape["figures"]> {
  const shape = new LoadShape();
  shape.begin({ originUs: 0, blockTokens: model.blockTokens });
  // A minute more than the source's whole ones, because a shape leaves its last out.
  const minutes = model.envelope.length + 1;
  for (const row of generateRows(model, { seed, minutes, growth: noGrowth, arrivals })) shape.row(row);
  return shape.figures();
}

function bothOf(one: TraceSink, other: TraceSink): TraceSink {
  return {
    begin: (header) => {
      one.begin?.(header);
      other.begin?.(header);
    },
    row: (row) => {
      one.row(row);
      other.row(row);
    },
    session: (script) => {
      one.session(script);
      other.session(script);
    },
  };
}

function comparisonTable(seeds: readonly number[], comparisons: readonly (readonly Criterion[])[]): string {
  const right = "right" as const;
  const table = new Table({
    head: ["", "source", ...seeds.map((seed) => `seed ${seed}`), "allowed +-", ""],
    colAligns: ["left", right, ...seeds.map(() => right), right, "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const [place, { name, source, allowed }] of (comparisons[0] ?? []).entries()) {
    const generated = comparisons.map((criteria) => criteria[place]);
    const holds = generated.every((criterion) => criterion?.holds === true);
    table.push([
      name,
      shown(source),
      ...generated.map((criterion) => shown(criterion?.generated ?? NaN)),
      shown(allowed),
      holds ? "holds" : styleText("red", "does not hold"),
    ]);
  }
  return table.toString();
}

const shown = (value: number): string => (Number.isNaN(value) ? "-" : Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 3 }));

function problem(file: string, message: string, fix: string): InputError {
  return new InputError([{ file, line: null, column: null, field: null, message, fix }]);
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.part-${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}
