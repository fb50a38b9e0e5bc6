import { Option } from "commander";

/** `--set path=value`, as often as wanted. */
export function settingOption(): Option {
  return new Option("--set <path=value>", "change the scenario, as fleet.pool-a.replicas=3 or faults.0.at=30s; the value is YAML; can be given several times")
    .argParser((text: string, before: readonly string[]) => [...before, text])
    .default([], "none");
}
