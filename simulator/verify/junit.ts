import { comparedText, targetText } from "./figure-text.ts";
import type { ScenarioOutcome, Status, VerifyResult } from "./verify-result.ts";

interface Case {
  readonly name: string;
  readonly status: Status;
  readonly text: string;
}

/** JUnit's XML, as CI systems read it: a suite per scenario, a case per target and per compared figure. What is inconclusive is skipped, or an error where it fails. */
export function junitText({ scenarios }: VerifyResult, inconclusive: "warn" | "fail"): string {
  const suites = scenarios.map((scenario) => suiteText(scenario, inconclusive));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="headgate verify">\n${suites.join("")}</testsuites>\n`;
}

function suiteText(scenario: ScenarioOutcome, inconclusive: "warn" | "fail"): string {
  const cases = casesOf(scenario);
  const parts = cases.map((one) => ({ one, kind: kindOf(one.status, inconclusive) }));
  const count = (kind: string): number => parts.filter((part) => part.kind === kind).length;
  const head = `name="${escaped(scenario.name)}" tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" skipped="${count("skipped")}"`;
  const lines = parts.map(({ one, kind }) => {
    const name = `classname="${escaped(scenario.name)}" name="${escaped(one.name)}"`;
    return kind === null ? `    <testcase ${name}/>\n` : `    <testcase ${name}><${kind} message="${escaped(one.text)}"/></testcase>\n`;
  });
  return `  <testsuite ${head}>\n${lines.join("")}  </testsuite>\n`;
}

function casesOf({ status, notes, targets, compared }: ScenarioOutcome): readonly Case[] {
  const cases: readonly Case[] = [
    ...targets.map((target) => ({ name: `target ${target.metric} ${target.bound}`, status: target.verdict, text: targetText(target) })),
    ...compared.map((figure) => ({
      name: `baseline ${figure.metric}`,
      status: figure.change === "worse" ? ("fail" as const) : figure.change === "inconclusive" ? ("inconclusive" as const) : ("pass" as const),
      text: comparedText(figure),
    })),
  ];
  const said = cases.some((one) => one.status === status);
  return cases.length === 0 || !said ? [...cases, { name: "run", status, text: notes.join("; ") }] : cases;
}

function kindOf(status: Status, inconclusive: "warn" | "fail"): "failure" | "error" | "skipped" | null {
  switch (status) {
    case "pass":
      return null;
    case "fail":
      return "failure";
    case "invalid":
      return "error";
    case "inconclusive":
    case "not-run":
      return inconclusive === "fail" ? "error" : "skipped";
    case "not-applicable":
      return "skipped";
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
