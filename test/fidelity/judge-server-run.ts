import { meanAbsolutePercent } from "../../simulator/calibrate/fit.ts";
import { mean, percentile } from "./figures.ts";
import type { Figure } from "./figures.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { followedSpeeds, meanScale } from "./machine-speed.ts";
import { scalesAround, searchScale } from "./one-scale.ts";
import type { ChosenScale } from "./one-scale.ts";
import { figureNames, limits, serverPlayer } from "./play-server-run.ts";
import type { FigureName, Off, PlayServer } from "./play-server-run.ts";
import type { ServerRun } from "./recorded-server-run.ts";
import { fitServer, predicted, timedSteps } from "./server-fit.ts";
import type { FitSources, ServerFit } from "./server-fit.ts";

/** Shorter than the machine's speed stays the same, long enough for tens of steps. */
const followSeconds = 2;
/** So many that their mean is known to a quarter of its limit where single draws lie 40 % apart. */
const draws = 201;
const roughDraws = 21;

/**
 * Step times, how the machine wanders around them, and the front end from other runs; one scale for all steps of this one: that with which its four figures are, as its clients saw
 * them, nearest to their limits' middle. So one number is fitted and four are judged. The simulated figure is the mean over draws of the wandering, seeds 1 to 201. Beside each stand
 * four that decide nothing: the median of the draws; how far one draw lies from the next (what a second run of the same server would differ by, if it wanders as the others did); the mean
 * with the scale taken from the recorded step durations alone, which no client's figure went into; and a steady machine that follows the recorded speed.
 */
export function judgeServerRun(run: ServerRun, sources: FitSources): Judgement {
  const fit = fitServer(sources);
  const play = serverPlayer(run, fit);
  const steps = timedSteps(run);
  const ofSteps = meanScale(steps, fit.coefficients);
  const count = fit.wander === null ? 1 : draws;
  const meanOf = (scale: number, many: number): Off => meanOff(drawn(play, scale, Math.min(count, many)));
  const chosen = searchScale(
    scalesAround(ofSteps, 12, 2),
    (scale) => meanOf(scale, roughDraws),
    (scale) => meanOf(scale, draws),
  );
  const each = drawn(play, chosen.scale, count);
  const predictedOff = meanOf(ofSteps, draws);
  const followed = play(followedSpeeds(steps, fit.coefficients, followSeconds), null);
  const figures = figureNames.flatMap((name) =>
    figuresOf(
      name,
      each.map((off) => off[name]),
      { ofSteps: predictedOff[name], followed: followed[name] },
    ),
  );
  const perStep = meanAbsolutePercent(steps.map(({ us, features }) => [us, ofSteps * predicted(fit.coefficients, features)]));
  const speed = `its step durations alone say ${ofSteps.toFixed(3)} (then ${perStep.toFixed(0)} % off per step)`;
  return { name: run.name, fittedOn: `${saidOfFit(fit, sources)}; ${saidOfScale(chosen, count)}; ${speed}`, figures };
}

function drawn(play: PlayServer, scale: number, count: number): Off[] {
  return Array.from({ length: count }, (_, place) => play([{ at: 0, factor: scale }], place + 1));
}

function meanOff(each: readonly Off[]): Off {
  const of = (name: FigureName): number => mean(each.map((off) => off[name]));
  return { "E2E mean": of("E2E mean"), "TPOT mean": of("TPOT mean"), "TTFT mean": of("TTFT mean"), "TTFT p95": of("TTFT p95") };
}

/** Only the first has a limit. */
export function figuresOf(name: FigureName, each: readonly number[], { ofSteps, followed }: { readonly ofSteps: number; readonly followed: number }): Figure[] {
  const spread = deviation(each);
  return [
    { name: `${name}, one scale (+-${(spread / Math.sqrt(each.length)).toFixed(1)})`, off: mean(each), limit: limits[name] },
    { name: `  median of the draws (one draw +-${spread.toFixed(1)})`, off: percentile(each, 0.5), limit: null },
    { name: "  with the scale of its step durations", off: ofSteps, limit: null },
    { name: "  diagnosis: steady, recorded speed followed", off: followed, limit: null },
  ];
}

function saidOfFit({ before, first, end, wander }: ServerFit, sources: FitSources): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  const there = `${ms(before.us)} ms + ${before.perUnitUs.toFixed(1)} us per prompt token in`;
  const back = [first, end].map((cost) => `${ms(cost.us)} + ${ms(cost.perUnitUs)}`).join(" and ");
  const percent = (share: number): string => (100 * share).toFixed(1);
  const wandering =
    wander === null
      ? "too few steps to see wandering"
      : `wandering ${percent(wander.deviation)} % over ${(wander.correlationUs / 1e6).toFixed(2)} s, each step ${percent(wander.scatter)} %`;
  return `${sources.said} (${wandering}; ${there}; first and last token out ${back} ms per sequence of the step)`;
}

function saidOfScale({ scale, within }: ChosenScale, count: number): string {
  const range = within === null ? "none is within all limits" : `within all limits from ${within.from.toFixed(3)} to ${within.to.toFixed(3)}`;
  return `one scale fitted to its four figures, ${scale.toFixed(3)} (${range}), mean of ${count} draws`;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
