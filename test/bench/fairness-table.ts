/** npm run fairness: the arena log of 27 tenants under twofold overload; what each tenant gets of its max-min share, and what heavy tenants do to light ones' latency. */
import {
  arenaArrivals,
  capacityFor,
  demandOf,
  type FairnessPolicy,
  fluidLightP95,
  heavier,
  judgeShares,
  lightP95,
  stretched,
  totalWork,
} from "../support/fairness.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const folder = sharedFolder();
if (folder !== null) await print(folder);

async function print(shared: string): Promise<void> {
  const trace = await arenaArrivals(shared);
  const capacity = capacityFor(trace);
  const arrivals = stretched(trace, capacity, 2);
  const tenantCount = demandOf(trace).size;
  const minutes = (arrivals.at(-1)?.at ?? 0) / 60_000_000;
  const perMinute = Math.max(1, Math.floor((capacity * 60) / (totalWork(trace) / trace.length) / tenantCount));
  const limited = (times: number): FairnessPolicy => ({
    name: `fcfs, ${times * perMinute} requests/min`,
    order: "fcfs",
    burst: 0,
    requestsPerMinute: times * perMinute,
  });
  const policies: FairnessPolicy[] = [
    ...[4000, 0, 1_000_000_000].map((burst): FairnessPolicy => ({
      name: `fair, burst ${burst < 1e9 ? burst : "unlimited"}`,
      order: "fair",
      burst,
      requestsPerMinute: Infinity,
    })),
    { name: "fcfs", order: "fcfs", burst: 0, requestsPerMinute: Infinity },
    limited(1),
    limited(4),
  ];
  const results = policies.map((policy) => judgeShares(arrivals, capacity, policy));
  const row = (name: string, cells: readonly string[]): void => console.log(name.padEnd(32) + cells.map((cell) => cell.padStart(24)).join(""));

  console.log(
    `${trace.length} requests of ${tenantCount} tenants in ${minutes.toFixed(1)} min on one replica of ${capacity.toFixed(0)} service tokens/s; they ask for twice that.`,
  );
  console.log("Served by the last arrival, percent of the tenant's max-min share (what a fluid server of the same capacity gives it):\n");
  row(
    "tenant         asked     share",
    policies.map(({ name }) => name),
  );
  const tenants = results[0]?.tenants ?? [];
  for (const { tenant, demand, share, heavy } of tenants.toSorted((one, other) => one.demand - other.demand)) {
    const cells = results.map((result) => `${(((result.tenants.find((one) => one.tenant === tenant)?.service ?? 0) / share) * 100).toFixed(0)} %`);
    row(`${(tenant + (heavy ? " heavy" : "")).padEnd(10)}${demand.toFixed(0).padStart(10)}${share.toFixed(0).padStart(10)}`, cells);
  }
  row(
    "least",
    results.map(({ worst }) => `${(worst * 100).toFixed(0)} %`),
  );
  row(
    "refused before the queue",
    results.map(({ refused }) => String(refused)),
  );

  console.log("\nLight tenants, arrival to end, p95 in seconds, by what the heavy ones send:\n");
  row("", ["fluid server", ...policies.map(({ name }) => name)]);
  const heavy = new Set(tenants.filter((one) => one.heavy).map(({ tenant }) => tenant));
  for (const times of [0, 1, 2, 4]) {
    const load = heavier(arrivals, capacity, times);
    row(
      times === 0 ? "nothing" : `${times} x the trace`,
      [fluidLightP95(load, heavy, capacity), ...policies.map((policy) => lightP95(load, heavy, policy))].map((value) => value.toFixed(1)),
    );
  }
  console.log("\nA limit on requests keeps the queue short by refusing light tenants' requests as well: see how many were refused, and the shares.");
}
