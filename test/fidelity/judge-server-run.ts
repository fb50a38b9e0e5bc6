import { meanAbsolutePercent } from "../../simulator/calibrate/fit.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import type { Figure } from "./figures.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { drawnSpeeds, feltFactor, followedSpeeds, meanScale, meanWandering, scaledBy, wanderingOf } from "./machine-speed.ts";
import type { Wandering } from "./machine-speed.ts";
import type { SpeedChange } from "./play-requests.ts";
import { playServerRun } from "./play-server-run.ts";
import type { Seen } from "./play-server-run.ts";
import type { ServerRun } from "./recorded-server-run.ts";
import { fitServer, predicted, timedSteps } from "./server-fit.ts";
import type { FitSources, ServerFit } from "./server-fit.ts";

const followSeconds = 2;
const draws = 100;
/** The requests in the engine change with the scale, and it is weighted by them; the second time moves it by less than a thousandth. */
const rescalings = 2;

const limits = { "E2E mean": 5, "TPOT mean": 5, "TTFT mean": 8, "TTFT p95": 12 } as const;
type FigureName = keyof typeof limits;
type Off = Readonly<Record<FigureName, number>>;

/**
 * Step times, front end and how a machine's speed wanders from other runs; from this one a single scale, out of its recorded step durations; then its requests end to
 * end, as their client saw them. A step time is thus a random one, and what is judged is the mean over draws, each of the same measured scale: queues grow more in slow
 * spells than they shrink in fast ones, so that a steady machine of that scale would be expected to be too good. Diagnoses that decide nothing: that steady machine; the
 * speed of this very run followed, as its step durations show it; how far the draws lie apart.
 */
export function judgeServerRun(run: ServerRun, sources: FitSources): Judgement {
  const fit = fitServer(sources);
  const steps = timedSteps(run);
  const scale = meanScale(steps, fit.coefficients);
  const wandering = meanWandering(sources.frontEnd.map((other) => wanderingOf(timedSteps(other), fit.coefficients)));
  const drawn = Array.from({ length: draws }, (_, seed) => compare(run, fit, speedsOfScale(run, fit, scale, wandering, seed)));
  const steady = compare(run, fit, [{ at: 0, factor: scale }]);
  const followed = compare(run, fit, followedSpeeds(steps, fit.coefficients, followSeconds));
  const figures = (Object.keys(limits) as FigureName[]).flatMap((name) =>
    figuresOf(
      name,
      drawn.map((off) => off[name]),
      { steady: steady[name], followed: followed[name] },
    ),
  );
  const perStep = meanAbsolutePercent(steps.map(({ us, features }) => [us, scale * predicted(fit.coefficients, features)]));
  return { name: run.name, fittedOn: said(fit, sources, scale, perStep, wandering), figures };
}

/** Only the first has a limit. */
export function figuresOf(name: FigureName, drawn: readonly number[], diagnosis: { readonly steady: number; readonly followed: number }): Figure[] {
  return [
    { name: `${name}, one scale`, off: mean(drawn), limit: limits[name] },
    { name: `  diagnosis: draws lie apart by (standard deviation)`, off: deviation(drawn), limit: null },
    { name: `  diagnosis: same scale, steady machine`, off: diagnosis.steady, limit: null },
    { name: `  diagnosis: recorded speed followed, ${followSeconds} s windows`, off: diagnosis.followed, limit: null },
  ];
}

function said({ before, first, end }: ServerFit, sources: FitSources, scale: number, perStep: number, wandering: Wandering): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  const there = `${ms(before.us)} ms + ${before.perUnitUs.toFixed(1)} us per prompt token in`;
  const back = [first, end].map((cost) => `${ms(cost.us)} + ${ms(cost.perUnitUs)}`).join(" and ");
  return (
    `${sources.said} (${there}; first and last token out ${back} ms per sequence of the step) and wandering (${(100 * wandering.deviation).toFixed(0)} %); ` +
    `from this run's step durations one scale, ${scale.toFixed(3)} (then ${perStep.toFixed(0)} % off per step)`
  );
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** A machine that wanders, and whose scale, measured as the recorded one was, comes out the same. */
function speedsOfScale(run: ServerRun, fit: ServerFit, scale: number, wandering: Wandering, seed: number): SpeedChange[] {
  let speeds = drawnSpeeds(scale, wandering, (run.steps.at(-1)?.t3 ?? 0) + 60, seed);
  for (let round = 0; round < rescalings; round++) {
    const seen = playServerRun(run, fit, speeds);
    const stays = run.answers.map(({ i, sent }) => ({ from: sent, to: sent + (seen.get(i)?.end ?? 0) / 1e6 }));
    speeds = scaledBy(speeds, scale / feltFactor(speeds, stays));
  }
  return speeds;
}

function compare(run: ServerRun, fit: ServerFit, speeds: readonly SpeedChange[]): Off {
  const simulated = playServerRun(run, fit, speeds);
  const answers = run.answers.filter(({ first_us, end_us }) => first_us > 0 && end_us > 0);
  const of = ({ i }: { readonly i: number }): Seen => simulated.get(i) ?? { first: NaN, end: NaN };
  const several = answers.filter(({ out }) => out > 1);
  const realTpot = several.map(({ first_us, end_us, out }) => (end_us - first_us) / (out - 1));
  const ourTpot = several.map((answer) => (of(answer).end - of(answer).first) / (answer.out - 1));
  const realFirst = answers.map(({ first_us }) => first_us);
  const ourFirst = answers.map((answer) => of(answer).first);
  return {
    "E2E mean": percentOff(mean(answers.map(({ end_us }) => end_us)), mean(answers.map((answer) => of(answer).end))),
    "TPOT mean": percentOff(mean(realTpot), mean(ourTpot)),
    "TTFT mean": percentOff(mean(realFirst), mean(ourFirst)),
    "TTFT p95": percentOff(percentile(realFirst, 0.95), percentile(ourFirst, 0.95)),
  };
}
