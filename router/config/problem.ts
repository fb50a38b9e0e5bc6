/** One thing that is wrong with what the user gave us, and what to do about it. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  /** Path of the field (`routes.chat.strategy`) or name of the column; null when the file as a whole is meant. */
  readonly field: string | null;
  readonly message: string;
  readonly fix: string;
}

/** Bad usage or bad input: exit code 2, all problems at once. */
export class InputError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join("\n"));
    this.name = "InputError";
    this.problems = problems;
  }
}

function describeProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.line === null ? null : problem.column].filter((part) => part !== null).join(":");
  const field = problem.field === null ? "" : `${problem.field}: `;
  return `${place}: ${field}${problem.message}\n  fix: ${problem.fix}`;
}
