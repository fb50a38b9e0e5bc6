import { createHash } from "node:crypto";
import type { DeploymentSpec, LimitScope, LimitSpec, RouteSpec, TenantSpec } from "../core/compiled-config.ts";
import type { LeaseKey, TenantId } from "../core/messages.ts";
import { seconds } from "../core/time.ts";
import type { LimitFields, LimitFile } from "./limit-schema.ts";
import { suggestion } from "./nearest.ts";
import type { ConfigFile } from "./schema.ts";
import { type Environment, resolveKey } from "./secret.ts";
import type { BudgetPeriod } from "./service-spec.ts";
import type { FieldPath } from "./yaml-source.ts";

type Report = (path: FieldPath, part: "key" | "value", message: string, fix: string) => void;

export interface Named {
  readonly deployments: readonly DeploymentSpec[];
  readonly routes: readonly RouteSpec[];
  /** By DeploymentId; empty: none. */
  readonly tiers: readonly string[];
}

export interface CompiledLimits {
  readonly tenants: readonly TenantSpec[];
  readonly limits: readonly LimitSpec[];
  readonly periods: readonly BudgetPeriod[];
}

/** Tenant 0 is whoever calls where no tenants are configured. */
export function compileLimits(file: ConfigFile, named: Named, report: Report): CompiledLimits {
  const names = Object.keys(file.tenants);
  const known = names.length === 0 ? ["everybody"] : names;
  const tenants = known.map((name, id) => ({ id: id as TenantId, name, priority: file.tenants[name]?.priority ?? 0, weight: file.tenants[name]?.weight ?? 1 }));
  const limits: LimitSpec[] = [];
  const periods: BudgetPeriod[] = [];
  const add = (scope: LimitScope, label: string, fields: LimitFields): void => {
    for (const spec of specsOf(scope, label, fields, limits.length)) limits.push(spec);
    const last = limits.at(-1);
    if (fields.budget !== undefined && last !== undefined) periods.push({ lease: last.id, per: fields.budget.per, timeZone: fields.budget.timeZone });
  };
  for (const { id, name } of tenants) {
    const fields = file.tenants[name];
    if (fields !== undefined) add({ kind: "tenant", tenant: id }, `tenant ${name}`, fields);
  }
  for (const [place, limit] of file.limits.entries()) {
    const scope = scopeOf(limit, ["limits", place], tenants, named, report);
    if (scope !== null) add(scope.scope, scope.label, limit);
    if (limit.requestsPerMinute === undefined && limit.tokensPerMinute === undefined && limit.concurrency === undefined && limit.budget === undefined)
      report(["limits", place], "value", "limits nothing", "give requestsPerMinute, tokensPerMinute, concurrency or budget");
  }
  const seen = new Map<string, number>();
  for (const { name } of limits) seen.set(name, (seen.get(name) ?? 0) + 1);
  for (const [name, times] of seen) if (times > 1) report(["limits"], "key", `has ${times} limits for "${name}"`, "keep one of them");
  return { tenants, limits, periods };
}

const lengths = { hour: seconds(3600), day: seconds(86_400), month: seconds(30 * 86_400) } as const;

function specsOf(scope: LimitScope, label: string, fields: LimitFields, from: number): readonly LimitSpec[] {
  const { requestsPerMinute, tokensPerMinute, concurrency, budget } = fields;
  const perMinute = { kind: "rate", per: seconds(60) } as const;
  const plain = { scope, alertPerMille: 1000, atAlert: "notify", atLimit: "reject" } as const;
  const specs: Omit<LimitSpec, "id">[] = [];
  if (requestsPerMinute !== undefined)
    specs.push({ ...plain, name: `${label}, requests per minute`, unit: "requests", amount: requestsPerMinute, window: perMinute });
  if (tokensPerMinute !== undefined) specs.push({ ...plain, name: `${label}, tokens per minute`, unit: "tokens", amount: tokensPerMinute, window: perMinute });
  if (concurrency !== undefined)
    specs.push({ ...plain, name: `${label}, in flight`, unit: "attempts-in-flight", amount: concurrency, window: { kind: "held" } });
  if (budget !== undefined) {
    const { alertPercent, atAlert, atLimit } = budget;
    const amount = Math.round(budget.dollars * 1e9);
    const name = `${label}, dollars per ${budget.per}`;
    specs.push({
      scope,
      name,
      unit: "nano-dollars",
      amount,
      window: { kind: "period", length: lengths[budget.per] },
      alertPerMille: alertPercent * 10,
      atAlert,
      atLimit,
    });
  }
  return specs.map((spec, place) => ({ id: (from + place) as LeaseKey, ...spec }));
}

function scopeOf(
  limit: LimitFile,
  path: FieldPath,
  tenants: readonly TenantSpec[],
  { deployments, routes, tiers }: Named,
  report: Report,
): { readonly scope: LimitScope; readonly label: string } | null {
  const given = (["tenant", "route", "provider", "tier", "deployment"] as const).filter((key) => limit[key] !== undefined);
  const key = given[0];
  if (key === undefined) return { scope: { kind: "total" }, label: "total" };
  if (given.length > 1) {
    report([...path, given[1] ?? key], "key", `stands beside ${key}: a limit has one scope`, "write two limits");
    return null;
  }
  const name = limit[key] ?? "";
  const label = `${key} ${name}`;
  const unknown = (known: readonly string[]): null => {
    report([...path, key], "value", `there is no ${key} "${name}"`, suggestion(name, [...new Set(known)]));
    return null;
  };
  if (key === "tenant") {
    const tenant = tenants.find((one) => one.name === name);
    return tenant === undefined ? unknown(tenants.map((one) => one.name)) : { scope: { kind: "tenant", tenant: tenant.id }, label };
  }
  if (key === "route") {
    const route = routes.find((one) => one.name === name);
    return route === undefined ? unknown(routes.map((one) => one.name)) : { scope: { kind: "route", route: route.id }, label };
  }
  const groupOf = (deployment: DeploymentSpec): string =>
    key === "deployment" ? deployment.name : key === "provider" ? deployment.provider : (tiers[deployment.id] ?? "");
  const members = deployments.filter((deployment) => groupOf(deployment) === name).map(({ id }) => id);
  return members.length === 0 ? unknown(deployments.map(groupOf)) : { scope: { kind: "deployments", deployments: members }, label };
}

/** Digest (hexadecimal SHA-256) of every tenant's keys. */
export function tenantKeys(file: ConfigFile, env: Environment | null, source: string, report: Report): ReadonlyMap<string, TenantId> {
  const keys = new Map<string, TenantId>();
  for (const [id, [name, tenant]] of Object.entries(file.tenants).entries()) {
    for (const [place, key] of tenant.keys.entries()) {
      const path = ["tenants", name, "keys", place];
      const digest = "digest" in key ? key.digest : env === null ? null : digestAt(key, env, source, path, report);
      if (digest === null) continue;
      if (keys.has(digest)) report(path, "value", "is a key that stands here twice", "give every key to one tenant");
      keys.set(digest, id as TenantId);
    }
  }
  return keys;
}

function digestAt(key: Parameters<typeof resolveKey>[0], env: Environment, source: string, path: FieldPath, report: Report): string | null {
  const found = resolveKey(key, env, source);
  if ("value" in found) return createHash("sha256").update(found.value.reveal()).digest("hex");
  report(path, "value", found.message, found.fix);
  return null;
}
