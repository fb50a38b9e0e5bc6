import { connect } from "node:net";
import { InputError } from "../../router/config/problem.ts";

/** An http address of the command line. @param field what names it @throws InputError */
export function readUrl(field: string, text: string, example: string): URL {
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text);
  throw problem(field, `is not an http address: ${text}`, `write for example ${example}`);
}

const patienceMs = 5_000;

/** Before the work that needs somebody there. @throws InputError where nothing takes connections */
export async function checkListening(field: string, url: URL): Promise<void> {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port, timeout: patienceMs });
  const refusal = await new Promise<string | null>((resolve) => {
    socket.once("connect", () => resolve(null));
    socket.once("timeout", () => resolve(`no answer within ${patienceMs / 1000} s`));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  socket.destroy();
  if (refusal !== null)
    throw problem(field, `nothing takes connections at ${url.origin} (${refusal})`, "start what is to be measured, and check host and port");
}

function problem(field: string, message: string, fix: string): InputError {
  return new InputError([{ file: "command line", line: null, column: null, field, message, fix }]);
}
