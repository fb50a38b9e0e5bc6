import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { nearestName } from "../../../router/config/nearest.ts";
import { InputError } from "../../../router/config/problem.ts";
import { type KnownTrace, knownTraces } from "../../trace/known-traces.ts";
import { sha256OfFile } from "../../trace/file-chunks.ts";

interface Options {
  readonly out?: string;
  readonly list: boolean;
  readonly json: boolean;
  readonly check?: string;
}

export function downloadCommand(): Command {
  return new Command("download")
    .description("fetch a public trace: its address, licence and checksum are known")
    .argument("[name]", "trace; absent: list them")
    .option("-o, --out <file>", "what to write; absent: the name it has there")
    .option("--list", "print addresses and licences, fetch nothing", false)
    .option("--check <file>", "compare a copy that you have with the checksum, fetch nothing")
    .option("--json", "print as JSON", false)
    .addHelpText(
      "after",
      "\nExamples:\n  headgate trace download\n  headgate trace download azure2023-code -o code.csv\n  headgate trace download azure2023-code --check code.csv\n\nWithout a network it prints the address, to be fetched elsewhere.",
    )
    .action(download);
}

async function download(name: string | undefined, options: Options): Promise<void> {
  if (name === undefined) {
    process.stdout.write(options.json ? `${JSON.stringify(knownTraces)}\n` : `${knownTraces.map(listed).join("\n")}\n`);
    return;
  }
  const trace = known(name);
  if (options.check !== undefined) await check(trace, options.check);
  else if (options.list || !isFile(trace)) process.stdout.write(options.json ? `${JSON.stringify(trace)}\n` : `${byHand(trace).join("\n")}\n`);
  else await fetchTrace(trace, options);
}

const isFile = ({ url }: Pick<KnownTrace, "url">): boolean => /\.(csv|jsonl)$/.test(url);

function known(name: string): KnownTrace {
  const trace = knownTraces.find((candidate) => candidate.name === name);
  if (trace !== undefined) return trace;
  const near = nearestName(
    name,
    knownTraces.map((candidate) => candidate.name),
  );
  const message = `there is no known trace "${name}"${near === null ? "" : ` (did you mean "${near}"?)`}`;
  throw new InputError([{ file: "command line", line: null, column: null, field: "name", message, fix: "`headgate trace download` lists them" }]);
}

async function fetchTrace(trace: KnownTrace, options: Options): Promise<void> {
  const out = options.out ?? basename(new URL(trace.url).pathname);
  const part = `${out}.part-${process.pid}`;
  try {
    const answer = await fetch(trace.url, { signal: AbortSignal.timeout(600_000) });
    if (!answer.ok || answer.body === null) throw new Error(`the server answered ${answer.status}`);
    const hash = createHash("sha256");
    const body = Readable.fromWeb(answer.body);
    body.on("data", (chunk: Buffer) => hash.update(chunk));
    await pipeline(body, createWriteStream(part));
    const sha256 = hash.digest("hex");
    if (trace.sha256 !== null && sha256 !== trace.sha256) throw new Error(`its checksum is ${sha256} instead of ${trace.sha256}`);
    await rename(part, out);
    const result = { name: trace.name, out, sha256, checked: trace.sha256 !== null, licence: trace.licence, cite: trace.cite };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(result)}\n`
        : `${out} (${trace.licence}; cite ${trace.cite})\n${trace.sha256 === null ? `sha256 ${sha256}, which nothing is known to compare with\n` : "its checksum is right\n"}`,
    );
  } catch (error) {
    await rm(part, { force: true });
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    throw new InputError([
      {
        file: trace.url,
        line: null,
        column: null,
        field: null,
        message: `could not be fetched (${error instanceof Error ? error.message : String(error)}${cause})`,
        fix: byHand(trace).join("\n  "),
      },
    ]);
  }
}

async function check(trace: KnownTrace, file: string): Promise<void> {
  if (trace.sha256 === null) {
    throw new InputError([
      { file, line: null, column: null, field: null, message: `no checksum of ${trace.name} is known`, fix: "inspect it: `headgate trace inspect`" },
    ]);
  }
  const sha256 = await checksumOf(file);
  const right = sha256 === trace.sha256;
  process.stdout.write(right ? `${file} is ${trace.name}\n` : `${file} is not ${trace.name}: sha256 ${sha256} instead of ${trace.sha256}\n`);
  process.exitCode = right ? 0 : 1;
}

async function checksumOf(file: string): Promise<string> {
  try {
    return await sha256OfFile(file);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new InputError([{ file, line: null, column: null, field: "--check", message: `cannot be read (${why})`, fix: "name the copy that you have" }]);
  }
}

function byHand({ name, url, format, licence, cite, sha256 }: KnownTrace): readonly string[] {
  return [
    isFile({ url }) ? `fetch it where there is a network: curl -LO ${url}` : `fetch it where there is a network: ${url}`,
    `licence ${licence}; cite ${cite}`,
    sha256 === null ? "no checksum is known" : `then: headgate trace download ${name} --check FILE (sha256 ${sha256})`,
    `then: headgate trace inspect FILE --format ${format}`,
  ];
}

function listed({ name, what, url, licence, sha256 }: KnownTrace): string {
  return `${name}\n  ${what}\n  ${url}\n  ${licence}${sha256 === null ? "" : `, sha256 ${sha256}`}`;
}
