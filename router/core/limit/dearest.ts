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
      else raiseTo(dearest, rates);
    }
    return dearest;
  });
}

/** Whatever the prompt's length and the month's volume, in a batch or not. */
function raiseTo(dearest: Dearest, { input, output, picture = 0, batch, longPrompt, volume = [] }: Rates): void {
  dearest.input = Math.max(dearest.input, input);
  dearest.output = Math.max(dearest.output, output);
  dearest.picture = Math.max(dearest.picture, picture);
  if (batch !== undefined) raiseTo(dearest, batch);
  if (longPrompt !== undefined) raiseTo(dearest, longPrompt.rates);
  for (const { rates } of volume) raiseTo(dearest, rates);
}
