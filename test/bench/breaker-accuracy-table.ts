/** `npm run breaker-accuracy [-- SCRIPTS]`: openings of breakers judged by random fault scripts, and how soon they came against what the failures seen allow. */
import { accuracyOf, playScript } from "../support/breaker-accuracy.ts";

const scripts = Number(process.argv[2] ?? 200);
const { openings, falsePositives, missed, troubles, byRate } = accuracyOf(Array.from({ length: scripts }, (_, index) => playScript(index + 1)));
console.log(
  `${scripts} scripts, ${troubles} faults, ${openings} openings: ${falsePositives} false (${((100 * falsePositives) / openings).toFixed(2)} %), ${missed} faults missed`,
);
console.log("| fails | found | first failure to opening | best test | ours over best |\n|---|---|---|---|---|");
for (const { rate, found, oursMs, bestMs } of byRate) {
  console.log(`| ${rate * 100} % | ${found} | ${(oursMs / 1000).toFixed(2)} s | ${(bestMs / 1000).toFixed(2)} s | ${(oursMs / bestMs).toFixed(2)} |`);
}
