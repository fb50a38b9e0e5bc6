/** Property tests draw from one seed, so that a run can be repeated; HEADGATE_PROPERTY_SEED draws another. The swarm is where many seeds are tried. */
import * as fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["HEADGATE_PROPERTY_SEED"] ?? 1) });
