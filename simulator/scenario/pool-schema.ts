import { z } from "zod";
import { count, number, text } from "../../router/config/scalars.ts";

/** What a pool or a hosted deployment of the fleet is, beside its model. */
export const placeFields = {
  replicas: count("Endpoints that the deployment has, whatever the configuration lists; those it does not list are invented", 1, 10_000).optional(),
  zone: z
    .union([text("Zone of all endpoints"), z.array(text("Zone")).min(1)])
    .optional()
    .meta({ description: "Zone of the endpoints; a list is gone through in turns" }),
};

/** What the machines of a pool are and cost: a hosted API has none that one pays for. */
export const machineFields = {
  gpus: count("GPUs per replica; absent: tensorParallel", 1, 10_000).optional(),
  gpuHour: number("Dollars per GPU and hour, busy or not", { min: 0, max: 10_000, whole: false }).optional(),
  watts: number("Of a GPU at work", { min: 0, max: 100_000, whole: false }).optional(),
  idleWatts: number("Of a GPU without work; absent: 0", { min: 0, max: 100_000, whole: false }).optional(),
};
