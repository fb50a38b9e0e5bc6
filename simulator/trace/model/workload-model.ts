import { readFileSync } from "node:fs";
import { z } from "zod";
import { InputError } from "../../../router/config/problem.ts";

/**
 * A load, as fitted from a trace. Arrivals: a rate per minute (the envelope), times short-range bursts. Five minutes have as many requests as their rates sum to; which of
 * them a request falls on is chance, by their rates; a minute's requests fall on its six parts of ten seconds by shares
 * from a symmetric Dirichlet distribution, and so do those of a part on its seconds. Renewal gaps alone, of whatever distribution, cannot have the dispersion of real
 * traffic at 1, 10, 60 and 300 s at once. Requests: a sample of the source's rows, so that lengths, tenants, reused prefixes and reuse times stay together as they were.
 */
export const workloadModelVersion = 1;
export const slowMinutes = 5;

const finite = z.number().min(0).max(1e15);
const row = z
  .tuple([
    z.number().int().min(0).max(100_000_000),
    z.number().int().min(0).max(100_000_000),
    z.number().int().min(0).max(10_000_000),
    z.number().min(-1).max(1e9),
    z.number().int().min(-1),
    z.number().int().min(-1),
  ])
  .readonly();

const schema = z.strictObject({
  headgate: z.literal("workload-model"),
  version: z.literal(workloadModelVersion),
  source: z.string(),
  rows: finite,
  /** Tokens; null: rows carry no blocks. */
  blockTokens: z.number().int().min(1).max(1_000_000).nullable(),
  /** Requests per minute. */
  envelope: z.array(finite).min(1).max(10_600_000).readonly(),
  /** Parameter of the Dirichlet distributions over the parts of a minute and over the seconds of a part; null: even. The smaller, the burstier. */
  bursts: z.strictObject({ tenSeconds: finite.nullable(), seconds: finite.nullable() }),
  tenants: z.array(z.string()).readonly(),
  routes: z.array(z.string()).readonly(),
  /** Blocks at the beginning that nearly all requests share. */
  sharedBlocks: z.number().int().min(0),
  /** Whether rows belong to sessions: by name, or by the prefixes that they share. */
  sessions: z.boolean(),
  /** Input tokens, output tokens, leading blocks that were there before, seconds since the request that had them (or the session's last; -1: none), places of tenant and route (-1: none). */
  sample: z.array(row).min(1).max(1_000_000).readonly(),
});

export type WorkloadModel = z.output<typeof schema>;
export type SampleRow = WorkloadModel["sample"][number];

/** @throws InputError */
export function readModel(file: string): WorkloadModel {
  const problem = (message: string, field: string | null): InputError =>
    new InputError([{ file, line: null, column: null, field, message, fix: "write it with `headgate trace fit TRACE -o MODEL`" }]);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw problem(error instanceof SyntaxError ? "is not JSON" : "cannot be read", null);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw problem(issue?.message ?? "is no workload model", issue === undefined ? null : issue.path.join("."));
}
