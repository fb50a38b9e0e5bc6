import { meanAbsolutePercent } from "../../simulator/calibrate/fit.ts";
import { mean } from "./figures.ts";
import type { Figure } from "./figures.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { drawnSpeeds, followedSpeeds, meanScale, wanderingOf } from "./machine-speed.ts";
import { chooseScale, scalesAround } from "./one-scale.ts";
import type { ChosenScale } from "./one-scale.ts";
import { figureNames, limits, playServerRun } from "./play-server-run.ts";
import type { FigureName } from "./play-server-run.ts";
import type { ServerRun } from "./recorded-server-run.ts";
import { fitServer, predicted, timedSteps } from "./server-fit.ts";
import type { FitSources, ServerFit } from "./server-fit.ts";

/** Shorter than the machine's speed stays the same (2 to 3 s in the runs at hand), long enough for tens of steps. */
const followSeconds = 2;
const draws = 16;

/**
 * Step times and front end from other runs, one scale for all steps of this one: that with which its four figures are, as its clients saw them, nearest to their limits' middle.
 * So one number is fitted and four are judged. Beside each figure stand three that decide nothing: the same with the scale taken from the recorded step durations alone, which no
 * client's figure went into; the same with the machine's speed followed over the run; and how far equal runs at this mean speed would differ because the machine wanders
 * (two standard deviations are the likely range).
 */
export function judgeServerRun(run: ServerRun, sources: FitSources): Judgement {
  const fit = fitServer(sources);
  const steps = timedSteps(run);
  const ofSteps = meanScale(steps, fit.coefficients);
  const wandering = wanderingOf(steps, fit.coefficients);
  const seconds = (steps.at(-1)?.at ?? 0) + 60;
  const chosen = chooseScale(scalesAround(ofSteps).map((scale) => ({ scale, off: playServerRun(run, fit, [{ at: 0, factor: scale }]) })));
  const predictedOff = playServerRun(run, fit, [{ at: 0, factor: ofSteps }]);
  const followed = playServerRun(run, fit, followedSpeeds(steps, fit.coefficients, followSeconds));
  const others = Array.from({ length: draws }, (_, seed) => playServerRun(run, fit, drawnSpeeds(ofSteps, wandering, seconds, seed)));
  const figures = figureNames.flatMap((name) =>
    figuresOf(name, { one: chosen.off[name], ofSteps: predictedOff[name], followed: followed[name], spread: deviation(others.map((off) => off[name])) }),
  );
  const perStep = meanAbsolutePercent(steps.map(({ us, features }) => [us, ofSteps * predicted(fit.coefficients, features)]));
  const speed = `its step durations alone say ${ofSteps.toFixed(3)} (then ${perStep.toFixed(0)} % off per step), and that the speed wanders by ${(100 * wandering.deviation).toFixed(0)} %`;
  return { name: run.name, fittedOn: `${saidOfFit(fit, sources)}; ${saidOfScale(chosen)}; ${speed}`, figures };
}

interface Offs {
  readonly one: number;
  readonly ofSteps: number;
  readonly followed: number;
  readonly spread: number;
}

export function figuresOf(name: FigureName, { one, ofSteps, followed, spread }: Offs): Figure[] {
  return [
    { name: `${name}, one scale`, off: one, limit: limits[name] },
    { name: "  with the scale of its step durations", off: ofSteps, limit: null },
    { name: `  diagnosis: speed followed (drawn spread +-${spread.toFixed(1)} %)`, off: followed, limit: null },
  ];
}

function saidOfFit({ before, first, end }: ServerFit, sources: FitSources): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  const there = `${ms(before.us)} ms + ${before.perUnitUs.toFixed(1)} us per prompt token in`;
  const back = [first, end].map((cost) => `${ms(cost.us)} + ${ms(cost.perUnitUs)}`).join(" and ");
  return `${sources.said} (${there}; first and last token out ${back} ms per sequence of the step)`;
}

function saidOfScale({ scale, within }: ChosenScale): string {
  const range = within === null ? "none is within all limits" : `within all limits from ${within.from.toFixed(3)} to ${within.to.toFixed(3)}`;
  return `one scale fitted to its four figures, ${scale.toFixed(3)} (${range})`;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
