import { InputError } from "../../router/config/problem.ts";
import type { Problem } from "../../router/config/problem.ts";

/** The problems that `action` throws; none when it does not. Anything else that it throws is passed on. */
export async function problemsOf(action: () => unknown): Promise<readonly Problem[]> {
  try {
    await action();
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

/** `3:5 routes.chat: is empty`: place, field and message, for comparing many at once. */
export function placed(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ line, column, field, message }) => `${line ?? "-"}:${column ?? "-"} ${field ?? "-"}: ${message}`);
}
