import type { Instant, Machine, Out } from "../../router/core/machine.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel } from "../core/endpoint.ts";

/** The call is in and was not refused: the answer's headers may leave. */
export interface CallAccepted {
  readonly kind: "call-accepted";
  readonly call: CallId;
}
export type MockCommand = EndpointCommand | CallAccepted;

/** An endpoint model that also says when it has taken a call in, which a driver cannot see otherwise: it may hand an event over later than it got it. */
export class AcknowledgingEndpoint implements Machine<EndpointEvent, MockCommand> {
  readonly #model: EndpointModel;

  constructor(model: EndpointModel) {
    this.#model = model;
  }

  handle(event: EndpointEvent, now: Instant, out: Out<MockCommand>): void {
    if (event.kind !== "call-received") {
      this.#model.handle(event, now, out);
      return;
    }
    let refused = false;
    this.#model.handle(event, now, {
      emit: (command, at) => {
        if (command.kind === "refuse-call" && command.call === event.call) refused = true;
        out.emit(command, at);
      },
    });
    if (!refused) out.emit({ kind: "call-accepted", call: event.call }, now);
  }

  wake(now: Instant, out: Out<MockCommand>): void {
    this.#model.wake(now, out);
  }

  nextDeadline(): Instant {
    return this.#model.nextDeadline();
  }
}
