import { z } from "zod";
import { micros } from "../../router/core/time.ts";
import { count, duration, number, text } from "../../router/config/scalars.ts";

const times = {
  target: text("Deployment (pool-a), one of its replicas (pool-a/0), zone:eu-1, provider:vllm, network or network:pool-a, store or store:0, replica:0"),
  at: duration("Since the start; needed where it does not come at random", micros(0)).optional(),
  for: duration("How long; absent: to the end").optional(),
  every: duration("Comes again in this rhythm, counted from beginning to beginning").optional(),
  random: z
    .strictObject({
      perHour: number("Beginnings in an hour, on average", { min: 0.000_001, max: 3600, whole: false }),
      meanDuration: duration("How long each lasts, on average"),
      stream: count("Faults of equal target, kind and stream strike together", 0, 1_000_000).prefault(0),
    })
    .optional()
    .meta({ description: "Instead of `at` and `for`: beginnings and durations are exponential, by the run's seed" }),
};
const rate = (what: string) => number(`Share of new calls ${what}, 0 to 1`, { min: 0, max: 1, whole: false });

export const faultSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("down"), ...times }).meta({ description: "Refuses connections, and cuts what was running" }),
    z.strictObject({ kind: z.literal("error"), ...times, rate: rate("answered with 500") }),
    z.strictObject({ kind: z.literal("overload"), ...times, rate: rate("answered with 503") }),
    z.strictObject({ kind: z.literal("slow"), ...times, factor: number("Work takes so many times as long", { min: 1, max: 1000, whole: false }) }),
    z.strictObject({ kind: z.literal("cut"), ...times, rate: rate("whose answer breaks off part-way") }),
    z.strictObject({ kind: z.literal("stall"), ...times }).meta({ description: "Takes calls, and says nothing more until it ends" }),
    z.strictObject({ kind: z.literal("latency"), ...times, delay: duration("On the way, each way") }).meta({ description: "A slow network" }),
    z.strictObject({ kind: z.literal("loss"), ...times, rate: number("Share of messages lost, 0 to 1", { min: 0, max: 0.9, whole: false }) }),
    z.strictObject({ kind: z.literal("partition"), ...times }).meta({ description: "Nothing passes" }),
  ])
  .meta({ description: "Something that goes wrong" });

export type FaultEntry = z.output<typeof faultSchema>;
