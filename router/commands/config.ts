import { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { priceLine, priceTold } from "./price-told.ts";
import { explainCommand } from "./explain.ts";
import { smokeCommand } from "./smoke.ts";

export function configCommand(): Command {
  return new Command("config")
    .description("check configurations, and explain what they do with a request")
    .addCommand(validateCommand())
    .addCommand(explainCommand())
    .addCommand(smokeCommand());
}

function validateCommand(): Command {
  return new Command("validate")
    .alias("check")
    .description("check a configuration file: every problem with line, column and what to write instead")
    .argument("<file>", "configuration (YAML)")
    .option("--no-keys", "do not look up the providers' keys in the environment and in files")
    .option("--json", "print what was read as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate config validate headgate.yaml\n\nExit codes: 0 valid, 2 not valid (the problems are on stderr)")
    .action((file: string, options: { readonly keys: boolean; readonly json: boolean }) => {
      const loaded = loadConfig(file, options.keys ? process.env : null);
      process.stdout.write(options.json ? `${JSON.stringify({ valid: true, file, ...facts(loaded) })}\n` : described(file, loaded));
    });
}

function facts({ compiled, service, prices }: LoadedConfig) {
  return {
    version: compiled.version,
    routes: compiled.routes
      .filter(({ internal }) => !internal)
      .map((route) => ({
        name: route.name,
        strategy: route.strategy,
        deployments: route.deployments.map((id) => compiled.deployments[id]?.name),
      })),
    deployments: compiled.deployments.map((deployment) => ({
      name: deployment.name,
      provider: deployment.provider,
      model: deployment.model,
      weight: deployment.weight,
      endpoints: deployment.endpoints.map((id) => `${service.endpoints[id]?.origin ?? ""}${service.endpoints[id]?.basePath ?? ""}`),
      priced: deployment.rates !== null,
      price: priceTold(prices, deployment.id, Date.now()),
      /** Null: there is no such tier. */
      priorityPriced: deployment.rates?.priority === undefined ? null : deployment.rates.priority !== null,
      key: deployment.endpoints.some((id) => service.endpoints[id]?.key != null),
    })),
  };
}

function described(file: string, loaded: LoadedConfig): string {
  const { routes, deployments } = facts(loaded);
  const lines = [`${file} is valid: ${routes.length} route(s), ${deployments.length} deployment(s), ${loaded.compiled.endpoints.length} endpoint(s)`];
  for (const route of routes) lines.push(`  route ${route.name}: ${route.strategy} over ${route.deployments.join(", ")}`);
  for (const { name, price } of deployments) lines.push(`  price of ${name}: ${priceLine(price)}`);
  for (const { name, priorityPriced } of deployments)
    if (priorityPriced === false)
      lines.push(`  price of ${name} in service tier priority: not known (write price: { ..., priority: { input: ..., output: ... } })`);
  return `${lines.join("\n")}\n`;
}
