import { parseCLI, startVitest, type TestModule, type Vitest } from "vitest/node";
import { runChecks } from "./run-checks.ts";

/**
 * `npm test`: the checks, then vitest (arguments after `--` are vitest's own: `npm test -- --project unit`).
 * The last line is `N passed, N failed`; a check counts as one test.
 */
const checks = await runChecks();
const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest(filter, options);
const tests = countTests(vitest);
await vitest.close();

const passed = tests.passed + checks.filter((check) => check.passed).length;
const failed = tests.failed + checks.filter((check) => !check.passed).length;
for (const check of checks) if (!check.passed) process.stdout.write(`failed check: ${check.name} (see the beginning)\n`);
if (tests.skipped > 0) process.stdout.write(`${tests.skipped} skipped\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A file that cannot be loaded, a failed hook, an error outside any test and an empty run each count as one failure. */
function countTests(run: Vitest): Counts {
  const modules = run.state.getTestModules();
  const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
  const count = (state: (typeof states)[number]): number => states.filter((one) => one === state).length;
  const brokenGroups = modules.reduce((sum, module) => sum + countBrokenGroups(module), 0);
  const stray = run.state.getUnhandledErrors().length;
  const nothingRan = states.length === 0 ? 1 : 0;
  return { passed: count("passed"), failed: count("failed") + count("pending") + brokenGroups + stray + nothingRan, skipped: count("skipped") };
}

function countBrokenGroups(module: TestModule): number {
  return [module, ...module.children.allSuites()].filter((group) => group.errors().length > 0).length;
}
