import { Command, CommanderError } from "commander";
import { InputError, type Problem } from "../config/problem.ts";

/** One line of the table of contents: only the command that is called is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface CommandLine {
  readonly description: string;
  readonly version: string;
  readonly commands: readonly CommandEntry[];
}

const badInput = 2;
const internalError = 4;

/**
 * Runs one command and sets `process.exitCode`: what the command set, or 2 for bad usage and bad input (problems on stderr; with `--json` as
 * `{"problems":[...]}` on stdout), or 4 for any other error (its stack under DEBUG or --verbose). A reader that closes the pipe early is not an error.
 *
 * @param args without node and script
 */
export async function runCommandLine(commandLine: CommandLine, args: readonly string[]): Promise<void> {
  leaveQuietlyOnClosedPipe();
  process.on("uncaughtException", (error) => process.exit(report(error, args)));
  try {
    const program = await createProgram(commandLine, args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = report(error, args);
  }
}

async function createProgram(commandLine: CommandLine, args: readonly string[]): Promise<Command> {
  const program = new Command("headgate")
    .description(commandLine.description)
    .version(commandLine.version)
    .option("--verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes);
  const operands = args.filter((arg) => !arg.startsWith("-"));
  const called = operands[0] === "help" ? operands[1] : operands[0];
  for (const entry of commandLine.commands) {
    const command = entry.name === called ? await entry.load() : new Command(entry.name);
    program.addCommand(command.summary(entry.summary));
  }
  throwInsteadOfExiting(program);
  return program;
}

const exitCodes = "\nExit codes: 0 pass, 1 a target or criterion failed, 2 bad usage or bad input, 3 inconclusive or invalid measurement, 4 internal error.";

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExiting(child);
}

/** Prints the error where it belongs. @returns the exit code */
function report(error: unknown, args: readonly string[]): number {
  const asJson = args.includes("--json");
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has printed its message already.
    if (asJson) printProblems([usageProblem(error)]);
    return badInput;
  }
  if (error instanceof InputError) {
    if (asJson) printProblems(error.problems);
    process.stderr.write(`${error.message}\n`);
    return badInput;
  }
  const wantsStack = Boolean(process.env["DEBUG"]) || args.includes("--verbose");
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  process.stderr.write(`internal error: ${text}\n${wantsStack && stack !== undefined ? stack : "  (--verbose shows where)"}\n`);
  return internalError;
}

function printProblems(problems: readonly Problem[]): void {
  process.stdout.write(`${JSON.stringify({ problems })}\n`);
}

function usageProblem(error: CommanderError): Problem {
  return {
    file: "command line",
    line: null,
    column: null,
    field: null,
    message: error.message.replace(/^error: /, ""),
    fix: "see `headgate --help` and `headgate COMMAND --help`",
  };
}

function leaveQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}
