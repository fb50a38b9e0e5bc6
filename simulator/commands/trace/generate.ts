import { Command, InvalidArgumentError, Option } from "commander";
import { agentBlockTokens, type GenerateOptions, generateRows } from "../../trace/model/generate-rows.ts";
import { readModel } from "../../trace/model/workload-model.ts";
import { TraceWriter } from "../../trace/trace-writer.ts";
import { durationSeconds } from "./duration-seconds.ts";
import { seedNumber } from "../whole-number.ts";

interface Options {
  readonly out: string;
  readonly duration: number;
  readonly seed: number;
  readonly tenants: number;
  readonly rate: number;
  readonly tokens: number;
  readonly agentShare: number;
  readonly arrivals: GenerateOptions["arrivals"];
  readonly json: boolean;
}

export function generateCommand(): Command {
  return new Command("generate")
    .description("generate a trace from a workload model, as it is or grown")
    .argument("<model>", "model, as `headgate trace fit` writes it")
    .requiredOption("-o, --out <file>", "what to write; zipped where it ends in .gz")
    .addOption(new Option("--duration <duration>", "how long; the model's envelope begins again at its end").argParser(length).default(3600, "1h"))
    .option("--seed <n>", "of all draws", seedNumber, 1)
    .option("--tenants <factor>", "times as many tenants, each like one of the model's", factor, 1)
    .option("--rate <factor>", "times as many requests of each tenant", factor, 1)
    .option("--tokens <factor>", "times as many tokens per request", factor, 1)
    .option("--agent-share <share>", "of all requests, by agents that call in a loop (0 to 0.95)", agentShare, 0)
    .addOption(new Option("--arrivals <kind>", "poisson: at the mean rate, without bursts, to compare with").choices(["fitted", "poisson"]).default("fitted"))
    .option("--json", "print what was done as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate trace generate model.json --duration 24h --tenants 1.5 --agent-share 0.2 -o next-quarter.jsonl.gz")
    .action(generate);
}

function generate(file: string, options: Options): void {
  const model = readModel(file);
  const { seed, tenants, rate, tokens, agentShare: share } = options;
  const minutes = Math.ceil(options.duration / 60);
  const writer = new TraceWriter(
    options.out,
    `generated from ${model.source}, seed ${seed}, tenants x ${tenants}, rate x ${rate}, tokens x ${tokens}, agents ${share}`,
  );
  try {
    writer.begin({ originUs: 0, blockTokens: model.blockTokens ?? (share > 0 ? agentBlockTokens : null) });
    for (const row of generateRows(model, { seed, minutes, growth: { tenants, rate, tokens, agentShare: share }, arrivals: options.arrivals })) {
      if (row.atUs < options.duration * 1_000_000) writer.row(row);
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  const result = { model: file, out: options.out, rows: writer.items, seed };
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${writer.items.toLocaleString("en")} requests written to ${options.out}\n`);
}

function length(text: string): number {
  const seconds = durationSeconds(text);
  if (seconds <= 0) throw new InvalidArgumentError("give a duration above 0, as 24h.");
  return seconds;
}

function factor(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (!(value > 0 && value <= 1000)) throw new InvalidArgumentError("give a factor above 0, up to 1000.");
  return value;
}

function agentShare(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0 && value <= 0.95)) throw new InvalidArgumentError("give a share from 0 to 0.95.");
  return value;
}
