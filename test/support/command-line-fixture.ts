import { Command } from "commander";
import { runCommandLine, type CommandEntry } from "../../router/commands/command-line.ts";
import { InputError } from "../../router/config/problem.ts";

/** Commands that end in each way a command can; started as a process by test/e2e/command-line.test.ts. */
function entry(name: string, action: () => void | Promise<void>): CommandEntry {
  return {
    name,
    summary: `ends with ${name}`,
    load: async () => new Command(name).option("--json").action(action),
  };
}

const commands: readonly CommandEntry[] = [
  entry("pass", () => {
    process.stdout.write("passed\n");
  }),
  entry("verdict", () => {
    process.exitCode = 1;
  }),
  entry("bad-input", () => {
    throw new InputError([{ file: "a.yaml", line: 3, column: 5, field: "routes.chat.weight", message: "is negative", fix: "write 0 or more" }]);
  }),
  entry("bug", async () => {
    throw new Error("slot 3 is free");
  }),
  entry("late-bug", () => {
    setTimeout(() => {
      throw new Error("slot 4 is free");
    }, 1);
  }),
  entry("flood", async () => {
    for (let line = 0; line < 100_000; line += 1) if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }),
  { name: "broken", summary: "must not be loaded by another command", load: () => Promise.reject(new Error("was loaded")) },
];

await runCommandLine({ description: "fixture", version: "1.2.3", commands }, process.argv.slice(2));
