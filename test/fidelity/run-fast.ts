import { listSchedules, readSchedules } from "./recorded-case.ts";
import { playFastSchedule, isForPlainOnly } from "./play-fast-schedule.ts";
let same = 0,
  cases = 0;
for (const file of listSchedules(process.argv[2] ?? "../shared/calibration/vllm-schedules/dev")) {
  let bad = 0;
  const shown = [];
  const all = readSchedules(file).filter((c) => !isForPlainOnly(c));
  for (const recorded of all)
    for (const every of [false, true]) {
      cases++;
      let difference;
      try {
        difference = playFastSchedule(recorded, every);
      } catch (e) {
        difference = { error: (e as Error).stack };
      }
      if (difference === null) same++;
      else {
        bad++;
        shown.push(
          `  ${recorded.header.case} ${every} ${recorded.header.cfg.async_scheduling ? "async" : "sync"} ${recorded.header.cfg.policy} ${JSON.stringify(difference).slice(0, 700)}`,
        );
      }
    }
  console.log(file.split("/").at(-1), 2 * all.length - bad, "of", 2 * all.length);
  if (shown.length > 0) console.log(shown.slice(0, 3).join("\n"));
}
console.log(`${same} of ${cases}`);
