import type { StrategyName } from "../compiled-config.ts";
import type { Strategy } from "./choice.ts";
import { leastBusy } from "./least-busy.ts";
import { weighted } from "./weighted.ts";

/** To add one: a file beside this one, a name in `StrategyName`, a line here; test/conformance/strategy.test.ts runs against all of them. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  weighted,
  "least-busy": leastBusy,
};
