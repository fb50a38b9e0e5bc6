import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { modelOfLoad } from "../../trace/model/prometheus-model.ts";
import { observedLoad } from "../../trace/prometheus-client.ts";
import { checkWritable } from "../check-writable.ts";
import { readUrl } from "../read-url.ts";
import { barChart } from "./bar-chart.ts";
import { durationSeconds } from "./duration-seconds.ts";
import { seedNumber } from "../whole-number.ts";

interface Options {
  readonly out: string;
  readonly last: number;
  readonly until?: number;
  readonly model?: string;
  readonly seed: number;
  readonly json: boolean;
}

export function fromPrometheusCommand(): Command {
  return new Command("from-prometheus")
    .description("a workload model out of what vLLM's own metrics say: requests per minute, histograms of prompt and generation tokens")
    .argument("<url>", "of a Prometheus that scrapes vLLM")
    .requiredOption("-o, --out <file>", "where to write the model (JSON), for `headgate trace generate`")
    .addOption(new Option("--last <duration>", "how far back").argParser(durationSeconds).default(86_400, "24h"))
    .option("--until <instant>", "its end (ISO 8601); absent: the last whole minute", instant)
    .option("--model <name>", "only this model_name; absent: all together")
    .option("--seed <n>", "of how input and output lengths are paired", seedNumber, 1)
    .option("--json", "print what was found as JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  headgate trace from-prometheus http://prometheus:9090 --last 7d -o week.json\n\nWhat metrics do not say (bursts within a minute, tenants, sessions, shared prefixes) is not in the model.",
    )
    .action(fromPrometheus);
}

async function fromPrometheus(address: string, options: Options): Promise<void> {
  const url = readUrl("url", address, "http://prometheus:9090").href;
  checkWritable(options.out, "--out");
  const until = Math.floor((options.until ?? Date.now() / 1000) / 60) * 60;
  const from = until - Math.max(60, Math.round(options.last / 60) * 60);
  const load = await observedLoad({ url, from, until, model: options.model ?? null });
  const model = modelOfLoad(load, options.seed);
  writeFileSync(options.out, JSON.stringify(model));
  const result = { url, out: options.out, minutes: load.perMinute.length, requests: model.rows };
  const lines = [
    `${model.rows.toLocaleString("en")} requests in ${load.perMinute.length.toLocaleString("en")} minutes; model in ${options.out}`,
    ...barChart(load.perMinute),
    "",
  ];
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : lines.join("\n"));
}

function instant(text: string): number {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new InvalidArgumentError("give an instant as 2026-01-31T12:00:00Z.");
  return milliseconds / 1000;
}
