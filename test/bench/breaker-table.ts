/**
 * npm run breaker-table: how soon the breaker finds a failing endpoint, by failure rate and traffic, against the best sequential test with as many false alarms
 * (exactly solved, test/support/bernoulli-cusum.ts), and the policies of comparable routers beside it.
 */
import { bestTest, outcomesToAlarm } from "../support/bernoulli-cusum.ts";
import { compared, detection, type DetectorKind, headgate, normalRate, outcomesPerFalseAlarm } from "../support/breaker-detection.ts";

const rates = [0.2, 0.3, 0.5, 0.8, 1];
const traffic = [0.1, 1, 10, 100];
const trials = 1000;
const giveUpSeconds = 3600;
const seed = 1;

const figure = (value: number): string => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
const cell = (text: string): string => text.padStart(9);

const alarms = outcomesPerFalseAlarm(headgate, 100, 60, 2e8, seed);
console.log(
  `An endpoint normally fails ${normalRate * 100} % of its requests; from second 0 on it fails as the column says. Mean seconds until it is taken out.`,
);
console.log(
  `Headgate takes out a healthy one once in ${alarms.outcomes.toExponential(2)} outcomes (${alarms.alarms} seen); the best test is set to the same.\n`,
);
for (const perSecond of traffic) {
  console.log(`${perSecond} requests/s`.padEnd(58) + rates.map((rate) => cell(`${rate * 100} %`)).join("") + "   healthy: one alarm per");
  const best = rates.map((rate) => outcomesToAlarm(bestTest(normalRate, rate, alarms.outcomes), rate) / perSecond);
  console.log(
    "best sequential test, rate known".padEnd(58) + best.map((seconds) => cell(figure(seconds))).join("") + `   ${time(alarms.outcomes / perSecond)}`,
  );
  const ours = row(headgate, perSecond);
  console.log("  Headgate / best".padEnd(58) + ours.map((seconds, place) => cell((seconds / (best[place] ?? NaN)).toFixed(2))).join(""));
  for (const kind of compared) row(kind, perSecond);
  console.log("");
}
console.log(`${trials} trials a cell; "-": fewer than half were found within an hour. Shares below 100 % found are marked with *.`);
console.log("A policy that is quicker than the best test takes out healthy endpoints more often: see its last column.");

function row(kind: DetectorKind, perSecond: number): number[] {
  const found = rates.map((rate) => detection(kind, rate, perSecond, perSecond > 10 ? trials / 4 : trials, giveUpSeconds, seed));
  const cells = found.map(({ seconds, found: share }) => cell(share < 0.5 ? "-" : `${figure(seconds)}${share < 1 ? "*" : ""}`));
  const healthy = kind === headgate ? alarms : outcomesPerFalseAlarm(kind, perSecond, 30, 3e6, seed);
  console.log(kind.name.padEnd(58) + cells.join("") + `   ${healthy.alarms < 3 ? "more than " : ""}${time(healthy.outcomes / perSecond)}`);
  return found.map(({ seconds }) => seconds);
}

function time(seconds: number): string {
  if (seconds < 120) return `${figure(seconds)} s`;
  if (seconds < 7200) return `${figure(seconds / 60)} min`;
  return seconds < 172_800 ? `${figure(seconds / 3600)} h` : `${figure(seconds / 86_400)} days`;
}
