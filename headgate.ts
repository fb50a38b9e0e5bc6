import { readFileSync } from "node:fs";
import type { CommandEntry } from "./router/commands/command-line.ts";
import { startQuickly } from "./router/commands/quick-start.ts";

startQuickly(process.env);
const { runCommandLine } = await import("./router/commands/command-line.ts");

/** The table of contents: one line per command, each loaded when it is called. */
const commands: readonly CommandEntry[] = [
  { name: "serve", summary: "route requests over HTTP", load: async () => (await import("./router/commands/serve.ts")).serveCommand() },
  {
    name: "init",
    summary: "write a first configuration from the keys in the environment",
    load: async () => (await import("./router/commands/init.ts")).initCommand(),
  },
  {
    name: "config",
    summary: "check a configuration, explain what it does with a request, try its deployments",
    load: async () => (await import("./router/commands/config.ts")).configCommand(),
  },
  { name: "journal", summary: "replay what a core was given, or show it", load: async () => (await import("./router/commands/journal.ts")).journalCommand() },
  { name: "demo", summary: "the tour: a small scenario on an embedded trace", load: async () => (await import("./simulator/commands/demo.ts")).demoCommand() },
  {
    name: "simulate",
    summary: "run a scenario in virtual time and judge its targets",
    load: async () => (await import("./simulator/commands/simulate.ts")).simulateCommand(),
  },
  {
    name: "verify",
    summary: "CI: run the scenarios of a folder, judge their targets, compare with the baseline",
    load: async () => (await import("./simulator/commands/verify.ts")).verifyCommand(),
  },
  {
    name: "replay",
    summary: "replay a trace in real time against a running router",
    load: async () => (await import("./simulator/commands/replay.ts")).replayCommand(),
  },
  {
    name: "mock",
    summary: "serve a scenario's fleet over HTTP, at the times its models say",
    load: async () => (await import("./simulator/commands/mock.ts")).mockCommand(),
  },
  {
    name: "twin",
    summary: "simulate and replay the same thing, and report how far they are apart",
    load: async () => (await import("./simulator/commands/twin.ts")).twinCommand(),
  },
  {
    name: "trace",
    summary: "import, inspect, cut, fit and generate traces",
    load: async () => (await import("./simulator/commands/trace/trace.ts")).traceCommand(),
  },
  {
    name: "profiles",
    summary: "list what is known of GPUs and models",
    load: async () => (await import("./simulator/commands/profiles.ts")).profilesCommand(),
  },
];

/** Beside this file as a source, one folder up from the compiled one. */
function readVersion(): string {
  const folder = import.meta.url.endsWith(".ts") ? "./" : "../";
  const manifest: unknown = JSON.parse(readFileSync(new URL(`${folder}package.json`, import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}

await runCommandLine(
  {
    description: "A production LLM router, and the simulator that runs the same routing core and the same configuration file.",
    version: readVersion(),
    commands,
  },
  process.argv.slice(2),
);
