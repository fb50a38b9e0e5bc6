import { z } from "zod";
import { formed, type Parsed, scalar, shown } from "./scalars.ts";

/** Where routers and endpoints are, and the tags of deployments: names of one form. */
const labelForm = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;
const labelRule = "use up to 64 letters, digits and . _ : / - and begin with a letter or digit";
export const label = (what: string) => formed(what, labelForm, "name", labelRule);

export const place = z
  .strictObject({
    region: label("Region").optional(),
    zone: label("Availability zone").optional(),
  })
  .meta({ description: "Where this router is: endpoints of its zone go first, then those of its region, while they have room" });

export const zones = scalar(
  {
    description: "Availability zone of its endpoints; a list is gone through in turns. Nearer endpoints go first, see `here`",
    anyOf: [
      { type: "string", pattern: labelForm.source },
      { type: "array", minItems: 1, items: { type: "string", pattern: labelForm.source } },
    ],
  },
  (value): Parsed<readonly string[]> => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0 || !list.every((one) => typeof one === "string"))
      return { message: `must be a name or a list of names, not ${shown(value)}`, fix: "write eu-west-1a, or [eu-west-1a, eu-west-1b]" };
    const odd = list.find((one) => !labelForm.test(one));
    return odd === undefined ? { value: list } : { message: `${shown(odd)} is no name`, fix: labelRule };
  },
);
