/**
 * `npm run stale-signals [-- SEEDS]`: what several router replicas and the age of their signals cost, on the Mooncake slice (10 engines), by strategy, age and number of
 * replicas. Cells: hit rate / p95 to the first token / busiest minute of an endpoint over the mean; means over the seeds (of the instants within the trace's 3 s slots,
 * of who gets which request, and of the routers' draws), and in brackets the p95 of the worst seed over that of one replica without signals and the same seed.
 */
import type { StrategyName } from "../../router/core/compiled-config.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { mooncakeArrivals, type Outcome, playSlice } from "../support/stale-signals.ts";

const strategies: readonly StrategyName[] = ["prefix-affinity", "power-of-two", "least-busy"];
const ages = [null, 0, 1, 5, 15];
const numbers = [1, 2, 5, 10];

const shared = sharedFolder();
if (shared === null) throw new Error("the trace is not here: set HEADGATE_SHARED");
const seeds = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, index) => index + 1);
const slices = await Promise.all(seeds.map((seed) => mooncakeArrivals(shared, seed)));

const played = (strategy: StrategyName, replicas: number, age: number | null): Outcome[] =>
  slices.map((arrivals, index) => playSlice(arrivals, { strategy, replicas, age, seed: seeds[index] ?? 1 }));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const strategy of strategies) {
  console.log(`\n| ${strategy}, replicas | ${ages.map((age) => (age === null ? "no signals" : `${age} s`)).join(" | ")} |`);
  console.log(`|---|${ages.map(() => "---|").join("")}`);
  const alone = played(strategy, 1, null);
  for (const replicas of numbers) {
    const cells = ages.map((age) => {
      const outcomes = played(strategy, replicas, age);
      const worst = Math.max(...outcomes.map(({ firstTokenP95Ms }, index) => firstTokenP95Ms / (alone[index]?.firstTokenP95Ms ?? 1)));
      const [hits, p95, busiest] = [
        mean(outcomes.map(({ hitRate }) => hitRate)),
        mean(outcomes.map(({ firstTokenP95Ms }) => firstTokenP95Ms)),
        mean(outcomes.map(({ busiestMinuteOverMean }) => busiestMinuteOverMean)),
      ];
      return `${hits.toFixed(3)} / ${(p95 / 1000).toFixed(2)} s / ${busiest.toFixed(2)} (${worst.toFixed(2)})`;
    });
    console.log(`| ${replicas} | ${cells.join(" | ")} |`);
  }
}
