import type { Rates } from "../accounting/rates.ts";
import type { CompiledConfig } from "../compiled-config.ts";

/** The dearest that a token, and a picture, can be at any deployment of a route, now; pico-dollars. */
export interface Dearest {
  input: number;
  output: number;
  picture: number;
  someUnknown: boolean;
}

/** By RouteId, over all versions that are live; anew whenever a price changes. */
export function dearestOf(versions: readonly CompiledConfig[], prices: readonly (Rates | null)[]): Dearest[] {
  return (versions[0]?.routes ?? []).map(({ id: route }) => {
    const dearest: Dearest = { input: 0, output: 0, picture: 0, someUnknown: false };
    for (const id of versions.flatMap(({ routes }) => routes[route]?.deployments ?? [])) {
      const rates = prices[id] ?? null;
      if (rates === null) dearest.someUnknown = true;
      for (let card: Rates | null = rates; card !== null; card = card.longPrompt?.rates ?? null) {
        dearest.input = Math.max(dearest.input, card.input);
        dearest.output = Math.max(dearest.output, card.output);
        dearest.picture = Math.max(dearest.picture, card.picture ?? 0);
      }
    }
    return dearest;
  });
}
