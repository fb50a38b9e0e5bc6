import type { Instant, Out } from "../../router/core/machine.ts";

/** An `Out` that keeps what it is given. */
export class Recorder<Command> implements Out<Command> {
  readonly commands: { readonly command: Command; readonly at: Instant }[] = [];

  emit(command: Command, at: Instant): void {
    this.commands.push({ command, at });
  }

  /** What has come since the last call. */
  take(): { readonly command: Command; readonly at: Instant }[] {
    return this.commands.splice(0);
  }
}
