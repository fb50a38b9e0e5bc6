import { readFileSync } from "node:fs";
import { runCommandLine, type CommandEntry } from "./router/commands/command-line.ts";

/** The table of contents: one line per command, each loaded when it is called. */
const commands: readonly CommandEntry[] = [
  { name: "config", summary: "check a configuration file", load: async () => (await import("./router/commands/config.ts")).configCommand() },
  { name: "demo", summary: "the tour: a small scenario on an embedded trace", load: async () => (await import("./simulator/commands/demo.ts")).demoCommand() },
  {
    name: "simulate",
    summary: "run a scenario in virtual time and judge its targets",
    load: async () => (await import("./simulator/commands/simulate.ts")).simulateCommand(),
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
