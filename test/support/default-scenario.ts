import path from "node:path";
import { loadConfig } from "../../router/config/load-config.ts";
import { micros } from "../../router/core/time.ts";
import { type CompiledScenario, type FaultSpec, oneReplica } from "../../simulator/core/compiled-scenario.ts";
import { smallHosted } from "./small-scenario.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** One route over one deployment of hosted endpoints; everything else is what the configuration file gives by default. `deployment`, `route` and `top` are further YAML. */
export function defaultScenario({
  endpoints,
  faults = [],
  deployment = "",
  route = "",
  top = "",
}: {
  readonly endpoints: number;
  readonly faults?: readonly FaultSpec[];
  readonly deployment?: string;
  readonly route?: string;
  readonly top?: string;
}): CompiledScenario {
  const urls = Array.from({ length: endpoints }, (_, place) => `http://127.0.0.1:${9100 + place}`).join(", ");
  const yaml = `
deployments:
  a: { provider: vllm, model: m, endpoints: [${urls}], ${deployment} }
routes:
  chat: { deployments: [a], ${route} }
${top}
`;
  const { compiled } = loadConfig(path.join(temporaryFolder({ "headgate.yaml": yaml }), "headgate.yaml"), null);
  return {
    name: "default",
    config: compiled,
    endpoints: compiled.endpoints.map(() => smallHosted),
    faults,
    replicas: oneReplica,
    defaultRoute: 0 as never,
    warmUp: micros(0),
    targets: [],
  };
}
