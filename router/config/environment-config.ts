import { InputError } from "./problem.ts";
import { builtInPrices } from "./price-catalogue.ts";
import type { ProviderName } from "./service-spec.ts";
import type { Environment } from "./secret.ts";

/** A provider that the environment has a key for, or an address of. */
export interface FoundProvider {
  readonly provider: ProviderName;
  /** As a deployment names it; null: it needs none. */
  readonly key: string | null;
  /** The value itself, to ask for the models; null: none. */
  readonly secret: string | null;
  /** Null: the provider's own address. */
  readonly endpoint: string | null;
  /** The variable that says so. */
  readonly because: string;
  /** Models that the environment names; empty: the provider is asked. */
  readonly models: readonly string[];
  /** Further fields of its deployments, as YAML. */
  readonly more: string;
}

/** The variables that the providers' own clients read, and VLLM_BASE_URL. */
export const environmentHelp =
  "OPENAI_API_KEY (OPENAI_BASE_URL, OPENAI_MODEL), ANTHROPIC_API_KEY (ANTHROPIC_BASE_URL, ANTHROPIC_MODEL), AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_DEPLOYMENT, GOOGLE_CLOUD_PROJECT with GEMINI_MODEL (GOOGLE_CLOUD_LOCATION), VLLM_BASE_URL (VLLM_MODEL); models are separated by commas. PORT and METRICS_PORT say where it listens (8080, 9090)";

export function providersIn(env: Environment): readonly FoundProvider[] {
  const given = (name: string): string | null => (env[name] ?? "").trim() || null;
  const models = (name: string): readonly string[] =>
    (given(name) ?? "")
      .split(",")
      .map((model) => model.trim())
      .filter((model) => model !== "");
  const found: FoundProvider[] = [];
  const withKey = (provider: ProviderName, key: string, endpoint: string, model: string): void => {
    const secret = given(key);
    if (secret !== null) found.push({ provider, key, secret, endpoint: given(endpoint), because: key, models: models(model), more: "" });
  };
  withKey("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL");
  withKey("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL");
  if (given("AZURE_OPENAI_ENDPOINT") !== null && models("AZURE_OPENAI_DEPLOYMENT").length > 0)
    withKey("azure", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT");
  const project = given("GOOGLE_CLOUD_PROJECT");
  if (project !== null && models("GEMINI_MODEL").length > 0) {
    const location = given("GOOGLE_CLOUD_LOCATION") ?? "global";
    const more = `, project: ${JSON.stringify(project)}, location: ${JSON.stringify(location)}, key: { google: default }`;
    found.push({ provider: "vertex", key: null, secret: null, endpoint: null, because: "GOOGLE_CLOUD_PROJECT", models: models("GEMINI_MODEL"), more });
  }
  const vllm = given("VLLM_BASE_URL");
  if (vllm !== null)
    found.push({ provider: "vllm", key: null, secret: null, endpoint: vllm, because: "VLLM_BASE_URL", models: models("VLLM_MODEL"), more: "" });
  return found;
}

export interface ListenPorts {
  readonly callers: number;
  readonly metrics: number;
}

/** PORT and METRICS_PORT. @throws InputError where one is no port, or both are one */
export function portsIn(env: Environment): ListenPorts {
  const port = (name: string, otherwise: number): number => {
    const text = (env[name] ?? "").trim();
    if (text === "") return otherwise;
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    throw refused(name, `${JSON.stringify(text)} is no port`, "give a number from 0 to 65535 (0: any that is free)");
  };
  const ports = { callers: port("PORT", 8080), metrics: port("METRICS_PORT", 9090) };
  if (ports.callers === ports.metrics && ports.callers !== 0)
    throw refused("METRICS_PORT", `${ports.metrics} is the port that callers use too`, "give it another");
  return ports;
}

const refused = (field: string, message: string, fix: string): InputError =>
  new InputError([{ file: "environment", line: null, column: null, field, message, fix }]);

export interface NamedModels {
  readonly found: FoundProvider;
  readonly models: readonly string[];
}

/** The end of a deployment's line: what the catalogue knows is not written down, so that it stays as new as the catalogue. */
function pricedBy(provider: ProviderName, model: string): string {
  const listed = builtInPrices.find(provider, model);
  if (listed === null) return ", price: unknown }";
  const dollars = (rate: number): number => rate / 1_000_000;
  return ` } # list price of ${listed.date}: input ${dollars(listed.rates.input)}, output ${dollars(listed.rates.output)}`;
}

/** A configuration with a deployment and a route for each model; a name that two providers have is one route over both. */
export function environmentConfig(named: readonly NamedModels[], ports: ListenPorts): string {
  const deployments: string[] = [];
  const routes = new Map<string, string[]>();
  for (const { found, models } of named) {
    for (const model of models) {
      const name = `${found.provider}/${model}`;
      const endpoint = found.endpoint === null ? "" : `, endpoints: [${JSON.stringify(found.endpoint)}]`;
      const key = found.key === null ? "" : `, key: "\${${found.key}}"`;
      deployments.push(
        `  ${JSON.stringify(name)}: { provider: ${found.provider}, model: ${JSON.stringify(model)}${endpoint}${key}${found.more}${pricedBy(found.provider, model)}`,
      );
      routes.set(model, [...(routes.get(model) ?? []), name]);
    }
  }
  return [
    "# Written by `headgate init` from the environment. Where a list price is known it holds until a price is written here; others are unknown until then:",
    "#   price: { input: 0.15, output: 0.60 }   (dollars per million tokens)",
    `listen: { host: 127.0.0.1, port: ${ports.callers} }`,
    `metrics: { host: 127.0.0.1, port: ${ports.metrics} }`,
    "deployments:",
    ...deployments,
    "routes:",
    ...[...routes].map(([model, names]) => `  ${JSON.stringify(model)}: { deployments: ${JSON.stringify(names)} }`),
    "",
  ].join("\n");
}
