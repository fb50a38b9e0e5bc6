/**
 * What an active probe of the router's meets at an endpoint. A server's health page says that its process lives: errors and overload of single requests do not show in it. Where
 * the endpoint is down the probe is refused; where the line to it is silent or nothing gets there, it is given up after its timeout; otherwise it is answered when it has been
 * there and back (the line's `delay`) and the front end had time for it. It costs a vLLM server that time of its front end, and the engine nothing. What is under way when a
 * fault begins is cut by it. Losses on the line are left out.
 */
import type { Duration, Instant } from "../../router/core/machine.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { after } from "../../router/core/time.ts";
import type { EndpointModelSpec } from "./compiled-scenario.ts";
import { type EndpointSignals, type FaultState, healthy } from "./endpoint.ts";
import type { Later } from "./kernel/later.ts";

export interface ProbeLineOptions {
  readonly later: Later;
  /** By EndpointId. */
  readonly models: readonly EndpointModelSpec[];
  readonly observe: (endpoint: EndpointId, now: Instant) => EndpointSignals;
  /** False: nothing is open and nothing will come. A probe has no answer then, so that the run can end. */
  readonly wanted: () => boolean;
}

export class ProbeLine {
  readonly #options: ProbeLineOptions;
  /** By EndpointId. */
  readonly #faults: FaultState[] = [];

  constructor(options: ProbeLineOptions) {
    this.#options = options;
  }

  faultChanged(endpoint: EndpointId, fault: FaultState): void {
    this.#faults[endpoint] = fault;
  }

  ask(endpoint: EndpointId, timeout: Duration, now: Instant, answer: (healthy: boolean) => void): void {
    const late = after(now, timeout);
    const { delay, down } = this.#faultOf(endpoint);
    const answered = after(now, (2 * delay + (down ? 0 : this.#frontEnd(endpoint, now))) as Duration);
    if (this.#isDeaf(endpoint) || answered > late) this.#tell(late, () => answer(false));
    else if (down) this.#tell(answered, () => answer(false));
    else {
      this.#tell(answered, () => {
        if (this.#isDeaf(endpoint)) this.#tell(late, () => answer(false));
        else answer(!this.#faultOf(endpoint).down);
      });
    }
  }

  #tell(at: Instant, happen: () => void): void {
    const { later, wanted } = this.#options;
    later.send(at, () => {
      if (wanted()) happen();
    });
  }

  #isDeaf(endpoint: EndpointId): boolean {
    const { silent, unreachable } = this.#faultOf(endpoint);
    return silent || unreachable;
  }

  #faultOf(endpoint: EndpointId): FaultState {
    return this.#faults[endpoint] ?? healthy;
  }

  #frontEnd(endpoint: EndpointId, now: Instant): number {
    const { models, observe } = this.#options;
    const model = models[endpoint];
    if (model?.kind !== "vllm") return 0;
    return model.frontEndBefore + model.frontEndAfter + Math.floor((model.frontEndPerSequenceUs ?? 0) * observe(endpoint, now).running);
  }
}
