import { z } from "zod";
import { micros } from "../core/time.ts";
import { count, duration, flag, number } from "./scalars.ts";

const breakerFields = {
  enabled: flag("Whether the breaker acts at all"),
  failures: count("Consecutive failures that open it", 1, 10_000),
  open: duration("How long it stays open before it is probed"),
  probes: count("Successes that close it while it is half-open", 1, 1000),
  probesAtOnce: count("Probes that are out at the same time while it is half-open", 1, 1000),
  shared: flag("The probes are those of all replicas together, by a lease, not each one's own"),
  growth: number("Each opening that follows another lasts so many times as long; 1: all alike", { min: 1, max: 10, whole: false }),
  openMax: duration("Longest open time"),
  stable: duration("Closed for so long: the next opening is as short as the first", micros(0)),
};
const rateFields = {
  enabled: flag("Whether it opens by the failure rate too, not only by failures in a row"),
  normalPercent: number("Failures that are normal, percent of the outcomes", { min: 0.1, max: 49, whole: false }),
  failingPercent: number("Least failure rate that opens it, percent", { min: 1, max: 95, whole: false }),
  window: duration("Outcomes older than that do not count"),
  minimum: count("Outcomes before it may open", 1, 100_000),
};
/** Of a deployment. */
export const breakerOverride = z
  .strictObject({
    enabled: breakerFields.enabled.optional(),
    failures: breakerFields.failures.optional(),
    open: breakerFields.open.optional(),
    probes: breakerFields.probes.optional(),
    probesAtOnce: breakerFields.probesAtOnce.optional(),
    shared: breakerFields.shared.optional(),
    growth: breakerFields.growth.optional(),
    openMax: breakerFields.openMax.optional(),
    stable: breakerFields.stable.optional(),
    rate: z
      .strictObject({
        enabled: rateFields.enabled.optional(),
        normalPercent: rateFields.normalPercent.optional(),
        failingPercent: rateFields.failingPercent.optional(),
        window: rateFields.window.optional(),
        minimum: rateFields.minimum.optional(),
      })
      .prefault({}),
  })
  .meta({ description: "What differs from the breaker defaults" });
/** The defaults of all deployments. */
export const breaker = z
  .strictObject({
    enabled: breakerFields.enabled.prefault(true),
    failures: breakerFields.failures.prefault(5),
    open: breakerFields.open.prefault("60s"),
    probes: breakerFields.probes.prefault(3),
    probesAtOnce: breakerFields.probesAtOnce.prefault(1),
    shared: breakerFields.shared.prefault(false),
    growth: breakerFields.growth.prefault(2),
    openMax: breakerFields.openMax.prefault("10m"),
    stable: breakerFields.stable.prefault("10m"),
    rate: z
      .strictObject({
        enabled: rateFields.enabled.prefault(true),
        normalPercent: rateFields.normalPercent.prefault(5),
        failingPercent: rateFields.failingPercent.prefault(20),
        window: rateFields.window.prefault("30m"),
        minimum: rateFields.minimum.prefault(5),
      })
      .meta({ description: "A sequential test of the failure rate: it finds an endpoint that fails often, but never so many times in a row" })
      .prefault({}),
  })
  .meta({ description: "Circuit breaker per endpoint: defaults for all deployments" });
