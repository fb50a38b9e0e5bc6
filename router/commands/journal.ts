import { readFileSync } from "node:fs";
import { Command } from "commander";
import { InputError } from "../config/problem.ts";
import { type Difference, type Replay, replaySegment, type TimedCommand } from "../core/journal/replay-segment.ts";
import { readSegment, type Segment } from "../core/journal/segment.ts";

export function journalCommand(): Command {
  return new Command("journal")
    .description("what a core was given and what it answered, as `serve --journal` and `simulate --journal` write it")
    .addCommand(replayCommand())
    .addCommand(showCommand());
}

function replayCommand(): Command {
  return new Command("replay")
    .description("give a journal's inputs to a fresh core and compare every command, or name the first difference")
    .argument("<file...>", "segments of a journal (*.hgj)")
    .option("--json", "print the findings as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate journal replay journal/*.hgj\n\nExit codes: 0 every command is the same, 1 one differs, 2 not a journal")
    .action((files: readonly string[], options: { readonly json: boolean }) => {
      const findings = files.map((file) => {
        const segment = readFile(file);
        return { file, ...replaySegment(segment), torn: segment.torn, dropped: segment.head.dropped };
      });
      if (options.json) process.stdout.write(`${JSON.stringify({ segments: findings }, withInfinity)}\n`);
      else for (const finding of findings) process.stdout.write(described(finding));
      process.exitCode = findings.some(({ difference }) => difference !== null) ? 1 : 0;
    });
}

function showCommand(): Command {
  return new Command("show")
    .description("print a segment as JSON lines: its head, then every input and command (Infinity as a string)")
    .argument("<file>", "a segment of a journal (*.hgj)")
    .option("--json", "as it is always", false)
    .addHelpText("after", "\nExample:\n  headgate journal show journal/20260101T120000Z-1234-000000.hgj | head")
    .action((file: string) => {
      const { head, records, torn } = readFile(file);
      process.stdout.write(`${JSON.stringify({ kind: "head", ...head }, withInfinity)}\n`);
      for (const record of records) process.stdout.write(`${JSON.stringify(record, withInfinity)}\n`);
      process.stdout.write(`${JSON.stringify({ kind: "end", torn })}\n`);
    });
}

/** JSON has no infinity. */
const withInfinity = (_key: string, value: unknown): unknown => (value === Infinity ? "Infinity" : value);

function readFile(file: string): Segment {
  try {
    return readSegment(readFileSync(file));
  } catch (error) {
    const missing = error instanceof Error && "code" in error;
    const message = missing ? `cannot be read (${String(error.code)})` : `is no journal: ${error instanceof Error ? error.message : String(error)}`;
    const fix = "give files that `serve --journal FOLDER` or `simulate --journal FOLDER` wrote (*.hgj)";
    throw new InputError([{ file, line: null, column: null, field: null, message, fix }]);
  }
}

function described({ file, events, commands, difference, torn, dropped }: Replay & { file: string; torn: string | null; dropped: number }): string {
  const notes = [torn === null ? [] : [`  note: ${torn}`], dropped === 0 ? [] : [`  note: ${dropped} inputs and commands were dropped before it`]].flat();
  if (difference === null) return [`${file}: ${events} events, ${commands} commands, all the same`, ...notes, ""].join("\n");
  return [`${file}: differs at command ${difference.command}, after ${events} events`, ...differing(difference), ...notes, ""].join("\n");
}

function differing({ after, recorded, replayed }: Difference): readonly string[] {
  const shown = (command: TimedCommand | null): string =>
    command === null ? "nothing" : `at ${command.at} us ${JSON.stringify(command.command, withInfinity)}`;
  const event = after === null ? "nothing" : `at ${after.at} us ${JSON.stringify(after.event, withInfinity)}`;
  return [`  last input: ${event}`, `  recorded:   ${shown(recorded)}`, `  replayed:   ${shown(replayed)}`];
}
