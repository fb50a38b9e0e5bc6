import { compileConfigAt } from "../../router/config/load-config.ts";
import { parseYaml, plainValue } from "../../router/config/yaml-source.ts";
import { Router } from "../../router/core/router.ts";
import { type RunningService, startService } from "../../router/http/start-service.ts";
import { openDecisionLog } from "../../router/telemetry/decision-log.ts";
import { type MockFleet, startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { smallHosted, smallScenario, smallVllm } from "./small-scenario.ts";

/** A mock of every provider, behind the service: the routes `vllm`, `openai`, `azure`, `anthropic` and `vertex`, each with the deployment of its name. */
export const fleetProviders = ["vllm", "openai", "azure", "anthropic", "vertex"] as const;

export interface LiveFleet {
  readonly running: RunningService;
  readonly origins: MockFleet["origins"];
  close(): Promise<void>;
}

const keys = { openai: "sk-openai-key", azure: "azure-key-1", anthropic: "sk-ant-key", vertex: "AIza-vertex-key" };

export async function startLiveFleet(): Promise<LiveFleet> {
  const scenario = smallScenario(
    fleetProviders.map((provider) => ({ name: provider, provider, model: `${provider}-model`, replicas: [provider === "vllm" ? smallVllm : smallHosted] })),
  );
  const fleet = await startMockFleet(scenario, { file: "test", seed: 11, host: "127.0.0.1", ports: "ephemeral" });
  const source = parseYaml("headgate.yaml", configText(fleet.origins));
  const env = Object.fromEntries(Object.entries(keys).map(([name, key]) => [`${name.toUpperCase()}_KEY`, key]));
  const { compiled, service } = compileConfigAt({ source, base: [] }, plainValue(source), env);
  const core = new Router(compiled, { seed: 7, explain: false });
  const running = await startService({ compiled, spec: service, core, log: openDecisionLog("silent") });
  const close = async (): Promise<void> => {
    await running.stop(100);
    await fleet.close();
  };
  return { running, origins: fleet.origins, close };
}

function configText(origins: MockFleet["origins"]): string {
  const deployments = fleetProviders.map((provider) => {
    const key = provider === "vllm" ? "" : `, key: "\${${provider.toUpperCase()}_KEY}"`;
    return `  ${provider}: { provider: ${provider}, model: ${provider}-model, endpoints: ${JSON.stringify(origins[provider])}, price: { input: 1, output: 2 }${key} }`;
  });
  const routes = fleetProviders.map((provider) => `  ${provider}: { deployments: [${provider}] }`);
  return ["listen: { port: 0 }", "metrics: { port: 0 }", "deployments:", ...deployments, "routes:", ...routes, ""].join("\n");
}
