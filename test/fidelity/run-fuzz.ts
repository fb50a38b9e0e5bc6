import { fuzzSchedules } from "./fuzz-schedules.ts";
import { fuzzEngines } from "./fuzz-engines.ts";
const n = Number(process.argv[2] ?? 500),
  from = Number(process.argv[3] ?? 0);
let bad = 0;
for (let seed = from; seed < from + n && bad < 3; seed++) {
  let d;
  try {
    d = fuzzSchedules(seed);
  } catch (e) {
    d = `seed ${seed} ${(e as Error).stack}`;
  }
  if (d !== null) {
    bad++;
    console.log("S", d.slice(0, 1200));
  }
}
for (let seed = from; seed < from + n && bad < 6; seed++) {
  let d;
  try {
    d = fuzzEngines(seed);
  } catch (e) {
    d = `seed ${seed} ${(e as Error).stack}`;
  }
  if (d !== null) {
    bad++;
    console.log("E", d.slice(0, 1200));
  }
}
console.log("bad", bad);
