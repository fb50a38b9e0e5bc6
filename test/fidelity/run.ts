import { listSchedules, readSchedules } from "./recorded-case.ts";
import { playSchedule } from "./play-schedule.ts";
let same = 0,
  cases = 0;
for (const file of listSchedules(process.argv[2] ?? "../shared/calibration/vllm-schedules/dev")) {
  let bad = 0;
  const shown = [];
  const all = readSchedules(file);
  for (const recorded of all) {
    cases++;
    const difference = playSchedule(recorded);
    if (difference === null) same++;
    else {
      bad++;
      shown.push(
        `  ${recorded.header.case} ${recorded.header.cfg.async_scheduling ? "async" : "sync"} ${recorded.header.cfg.policy} ${JSON.stringify(difference).slice(0, 600)}`,
      );
    }
  }
  console.log(file.split("/").at(-1), all.length - bad, "of", all.length);
  if (shown.length > 0) console.log(shown.slice(0, 2).join("\n"));
}
console.log(`${same} of ${cases}`);
