import type { FoundProvider, NamedModels } from "../config/environment-config.ts";
import { environmentEgress } from "../config/compile-egress.ts";
import { InputError, type Problem } from "../config/problem.ts";
import { type Fetch, fetchThrough } from "../upstream/fetch-through.ts";
import { egressOf } from "../upstream/http1/egress.ts";
import { Http1Transport } from "../upstream/http1-transport.ts";

const askMs = 5_000;
const modelsMax = 200;
/** As names of deployments and routes may be. */
const usable = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,111}$/;

/** The models that the environment names, or else those that the provider lists, asked by the environment's own way out. @throws InputError when no provider tells any */
export async function findModels(found: readonly FoundProvider[], help: string): Promise<readonly NamedModels[]> {
  const transport = new Http1Transport(egressOf(environmentEgress(process.env, reportAt)));
  const fetch = fetchThrough(transport, askMs);
  const named = await Promise.all(found.map(async (one) => ({ found: one, models: one.models.length > 0 ? one.models : await listed(one, fetch) })));
  transport.close();
  if (named.some(({ models }) => models.length > 0)) return named.filter(({ models }) => models.length > 0);
  const message =
    found.length === 0 ? "no provider's key is in the environment" : `${found.map(({ because }) => because).join(", ")}: the provider tells no models`;
  throw new InputError([
    { file: "environment", line: null, column: null, field: null, message, fix: `set ${help}; or write a configuration and give it as -c FILE` },
  ]);
}

function reportAt(problem: Problem): void {
  throw new InputError([problem]);
}

/** None where it cannot be asked. */
async function listed({ provider, secret, endpoint }: FoundProvider, fetch: Fetch): Promise<readonly string[]> {
  const base = (endpoint ?? (provider === "anthropic" ? "https://api.anthropic.com" : "https://api.openai.com")).replace(/\/+$/, "").replace(/\/v1$/, "");
  const key = secret ?? "";
  const headers = provider === "anthropic" ? { "x-api-key": key, "anthropic-version": "2023-06-01" } : { authorization: `Bearer ${key}` };
  try {
    const answer = await fetch(`${base}/v1/models`, { headers: secret === null ? {} : headers });
    if (!answer.ok) {
      process.stderr.write(`headgate: ${base} answers ${answer.status} to the question for its models\n`);
      return [];
    }
    const list = (await answer.json()) as { readonly data?: unknown };
    const data: readonly unknown[] = Array.isArray(list.data) ? list.data : [];
    return data
      .flatMap(idOf)
      .filter((id) => usable.test(id))
      .toSorted()
      .slice(0, modelsMax);
  } catch (error) {
    process.stderr.write(`headgate: ${base} cannot be asked for its models (${error instanceof Error ? error.message : String(error)})\n`);
    return [];
  }
}

function idOf(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" ? [value.id] : [];
}
