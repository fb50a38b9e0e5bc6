import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadConfig } from "../../../router/config/load-config.ts";
import { Router } from "../../../router/core/router.ts";
import { startService } from "../../../router/http/start-service.ts";
import { openDecisionLog } from "../../../router/telemetry/decision-log.ts";
import type { FuzzedAnswer } from "./fuzz-answers.ts";
import type { Speech } from "./fuzz-models.ts";

export type AnswerTo = (stream: boolean, place: number, speech: Speech) => FuzzedAnswer;
/** The service with one provider behind it that answers as it is told, and never rests. */
export interface FuzzService {
  readonly port: number;
  stop(): Promise<void>;
}

const patience = { headersTimeout: 400, requestTimeout: 800, connectionsCheckingInterval: 100 };

/**
 * @param answer to the request of this case (-1: it does not say of which it is)
 * @param deployments of the provider; an answer that says 429 makes one of them wait for a second
 */
export async function startFuzzService(answer: AnswerTo, deployments = 1): Promise<FuzzService> {
  const provider = createServer((socket) => serve(socket, answer));
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", 4096, resolve));
  const folder = mkdtempSync(path.join(tmpdir(), "headgate-fuzz-"));
  writeFileSync(path.join(folder, "headgate.yaml"), configText((provider.address() as AddressInfo).port, deployments));
  const { compiled, service } = loadConfig(path.join(folder, "headgate.yaml"), { FUZZ_KEY: "k" });
  const core = new Router(compiled, { seed: 1, explain: true });
  const running = await startService({ compiled, spec: service, core, log: openDecisionLog("silent"), patience });
  return {
    port: Number(new URL(running.url).port),
    stop: async () => {
      await running.stop(100);
      provider.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const patient = `    timeouts: { connect: 1s, firstToken: 400ms, idle: 400ms, total: 1500ms }
    retry: { attempts: 1 }`;

function configText(port: number, deployments: number): string {
  const names = Array.from({ length: deployments }, (_, place) => `d${place}`);
  const other = (provider: string): string =>
    `{ provider: ${provider}, model: ${provider}, key: "\${FUZZ_KEY}", endpoints: ["http://127.0.0.1:${port}"], price: { input: 1, output: 2, picture: 0.01 }, breaker: { enabled: false }, probe: { enabled: false } }`;
  const spec = (place: number): string =>
    `{ provider: vllm, model: m${place}, endpoints: ["http://127.0.0.1:${port}"], price: { input: 1, output: 2 }, breaker: { enabled: false }, probe: { enabled: false } }`;
  return `
listen: { port: 0 }
metrics: { port: 0 }
deployments:
${names.map((name, place) => `  ${name}: ${spec(place)}`).join("\n")}
  claude: ${other("anthropic")}
  gemini: ${other("vertex")}
limits: [{ route: gemini, tokensPerMinute: 100000000, budget: { dollars: 1000000 } }]
routes:
  chat:
    deployments: [${names.join(", ")}]
${patient}
  claude:
    deployments: [claude]
    strategy: cost-based
    realtimeCostLimitUsd: 5000
${patient}
  gemini:
    deployments: [gemini]
    strategy: latency-based
${patient}
`;
}

/** What a request says of which case it is, in a message: in every format it gets to the provider. */
export const caseText = (place: number): string => `case ${place}`;
const caseOf = (body: string): number => Number(/"case (\d+)"/.exec(body)?.[1] ?? -1);

function speechOf(head: string): Speech {
  if (head.includes("enerateContent")) return "generated";
  return head.startsWith("POST /v1/messages") ? "messages" : "chat";
}

function serve(socket: Socket, answer: AnswerTo): void {
  let seen = "";
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.on("data", (data: Buffer) => {
    seen += data.toString("latin1");
    const end = seen.indexOf("\r\n\r\n");
    const length = Number(/\r\ncontent-length: (\d+)/.exec(seen)?.[1] ?? 0);
    if (end === -1 || seen.length < end + 4 + length) return;
    const body = seen.slice(end);
    const stream = /"stream":\s*true/.test(body) || (seen.startsWith("POST") && seen.slice(0, end).includes("streamGenerateContent"));
    const { pieces, afterwards } = answer(stream, caseOf(body), speechOf(seen.slice(0, end)));
    seen = "";
    write(socket, pieces, 0, () => {
      if (afterwards === "close") socket.end();
      else if (afterwards === "reset") socket.resetAndDestroy();
    });
  });
}

function write(socket: Socket, pieces: readonly string[], place: number, done: () => void): void {
  const piece = pieces[place];
  if (piece === undefined || socket.destroyed) done();
  else socket.write(piece, "latin1", () => setImmediate(() => write(socket, pieces, place + 1, done)));
}
