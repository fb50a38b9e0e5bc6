import { comparedText, targetText } from "./figure-text.ts";
import type { ScenarioOutcome, Status, VerifyResult } from "./verify-result.ts";

const marks: Readonly<Record<Status, string>> = {
  pass: "✅ pass",
  fail: "❌ fail",
  inconclusive: "❔ inconclusive",
  invalid: "⛔ invalid",
  "not-run": "⏱ not run",
  "not-applicable": "➖ not applicable",
};

/** For the summary of a run or a comment on a pull request: a row per scenario, and what is wrong or changed in it. */
export function markdownText({ status, scenarios, notices }: VerifyResult): string {
  const rows = scenarios.map(
    (scenario) => `| ${scenario.name} | ${marks[scenario.status]} | ${scenario.seeds.length} | ${remarks(scenario).join("<br>") || "-"} |`,
  );
  const lines = [`### headgate verify: ${marks[status]}`, "", "| scenario | verdict | seeds | what |", "|---|---|---|---|", ...rows];
  return `${[...lines, ...(notices.length > 0 ? ["", ...notices.map((notice) => `- ${notice}`)] : [])].join("\n")}\n`;
}

/** What a reader has to know: targets not kept, figures changed beyond their tolerance, notes. */
export function remarks({ targets, compared, notes }: ScenarioOutcome): readonly string[] {
  return [
    ...targets.filter(({ verdict }) => verdict !== "pass" && verdict !== "not-applicable").map((target) => `${target.verdict}: ${targetText(target)}`),
    ...compared
      .filter(({ change }) => change === "worse" || change === "better" || change === "inconclusive")
      .map((figure) => `${figure.change}: ${comparedText(figure)}`),
    ...notes,
  ];
}
