import { connect } from "node:net";
import { LoopTime } from "../loop-time.ts";

/** How long nothing may be heard (time of the loop), how many others must have been answered after that, and how long that may take. */
export interface Patience {
  readonly silenceMs: number;
  readonly answered: number;
  readonly othersMs: number;
}

/** The service's own limits for these requests end within 3 s. */
export const fuzzPatience: Patience = { silenceMs: 5_000, answered: 3, othersMs: 60_000 };

/**
 * Whether a caller who hears nothing has waited long enough to call it a hang. That is not a matter of the wall clock: a process that gets no processor hears nothing for seconds
 * and hangs nowhere. First the time of the event loop counts, in which a stall is a moment. Then others are sent the same way, one after the other, and are answered, each begun
 * after the silence: whatever keeps everybody waiting (processor, kernel, a long turn of the loop) keeps them waiting too. Where even they are not answered, nobody is: that
 * is a hang as well, after a much longer time of the loop.
 */
export class Waiting {
  readonly #patience: Patience;
  readonly #passed = new LoopTime(10);
  readonly #askAnother: () => Promise<boolean>;
  readonly #onHang: (why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #over = false;
  #asking = false;

  /** @param askAnother sends a request that is well; true: it was answered */
  constructor(patience: Patience, askAnother: () => Promise<boolean>, onHang: (why: string) => void) {
    this.#patience = patience;
    this.#askAnother = askAnother;
    this.#onHang = onHang;
    this.#timer = setInterval(() => this.#look(), 50);
  }

  /** It has heard all that it waited for. */
  stop(): void {
    this.#over = true;
    this.#passed.stop();
    clearInterval(this.#timer);
  }

  #look(): void {
    const { silenceMs, othersMs } = this.#patience;
    if (this.#passed.ms > silenceMs + othersMs) this.#give("nobody is answered");
    else if (this.#passed.ms > silenceMs && !this.#asking) void this.#watchOthers();
  }

  async #watchOthers(): Promise<void> {
    this.#asking = true;
    for (let answered = 0; answered < this.#patience.answered && !this.#over;) {
      if (await this.#askAnother()) answered += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#give("others that began later are answered");
  }

  #give(why: string): void {
    if (this.#over) return;
    this.stop();
    this.#onHang(why);
  }
}

/** One plain request on a connection of its own. @returns whether it was answered with 200 */
export async function askPlainly(port: number): Promise<boolean> {
  const body = '{"model":"chat","messages":[{"role":"user","content":"is anybody there"}]}';
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.on("data", (data: Buffer) => (text += data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text.startsWith("HTTP/1.1 200 ")));
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  });
}
