/** I15: what a request demands of the place where it is answered is never relaxed: its region, its least quality, the one endpoint that keeps what it refers to. */
import type { DeploymentSpec } from "../../../router/core/compiled-config.ts";
import type { EndpointId } from "../../../router/core/messages.ts";
import type { SeenRequest } from "./seen.ts";

/** What is wrong with the place; null: nothing. */
export function placeProblem({ residency, qualityMin, only }: SeenRequest, endpoint: EndpointId, deployment: DeploymentSpec | undefined): string | null {
  const { region, quality = -1 } = deployment ?? {};
  if (residency !== -1 && region !== residency) return `may only be answered in region ${residency}, and went to one in ${region}`;
  if (only !== -1 && only !== endpoint) return `refers to what endpoint ${only} keeps, and went to ${endpoint}`;
  return qualityMin > quality ? `asks for quality ${qualityMin}, and went where it is ${quality === -1 ? "unknown" : quality}` : null;
}
