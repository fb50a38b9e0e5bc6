import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { Command } from "commander";
import { environmentConfig, environmentHelp, portsIn, providersIn } from "../config/environment-config.ts";
import { InputError } from "../config/problem.ts";
import { findModels } from "./find-models.ts";

interface InitOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

export function initCommand(): Command {
  return new Command("init")
    .description("write a first configuration from the providers' keys in the environment")
    .argument("[file]", "where to", "headgate.yaml")
    .option("--force", "write over a file that is there")
    .option("--json", "say what was written as JSON on stdout")
    .addHelpText(
      "after",
      `\nReads ${environmentHelp}. Keys are named in the file, never written into it. Providers are asked for their models by HTTPS_PROXY and NO_PROXY.\n\nExample:\n  $ OPENAI_API_KEY=... headgate init\n  $ headgate serve`,
    )
    .action(init);
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new InputError([{ file, line: null, column: null, field: null, message: `cannot be written (${code})`, fix: "give a path that may be written to" }]);
  }
}

async function init(file: string, options: InitOptions): Promise<void> {
  if (existsSync(file) && options.force !== true)
    throw new InputError([{ file, line: null, column: null, field: null, message: "is there already", fix: "give another name, or --force to write over it" }]);
  const named = await findModels(providersIn(process.env), environmentHelp);
  write(file, environmentConfig(named, portsIn(process.env)));
  const models = named.flatMap(({ found, models: own }) => own.map((model) => ({ provider: found.provider, model })));
  if (options.json === true) process.stdout.write(`${JSON.stringify({ file, models })}\n`);
  else {
    const flag = file === "headgate.yaml" ? "" : ` -c ${file}`;
    process.stdout.write(`${file}: ${models.length} model(s) of ${named.map(({ found }) => found.provider).join(", ")}\n`);
    process.stdout.write(`next: headgate config smoke${flag} (asks each model once, which is paid for), headgate serve${flag}\n`);
  }
}
