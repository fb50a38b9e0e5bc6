const widthMax = 100;
const eighths = " ▁▂▃▄▅▆▇█";

/** Counts over time as three lines of bars; neighbours are averaged where there are more than fit. */
export function barChart(counts: readonly number[]): readonly string[] {
  const perBar = Math.ceil(counts.length / widthMax);
  const bars = Array.from({ length: Math.ceil(counts.length / perBar) }, (_, bar) => {
    const part = counts.slice(bar * perBar, (bar + 1) * perBar);
    return part.reduce((sum, count) => sum + count, 0) / part.length;
  });
  const peak = bars.reduce((most, value) => Math.max(most, value), 0);
  if (peak === 0) return [];
  const height = 3;
  const rows = Array.from({ length: height }, (_, row) => {
    const base = height - 1 - row;
    const cells = bars.map((value) => eighths[Math.max(0, Math.min(8, Math.round((value / peak) * height * 8) - base * 8))] ?? " ");
    return `  ${cells.join("")} ${row === 0 ? Math.round(peak).toLocaleString("en") : ""}`.trimEnd();
  });
  return perBar === 1 ? rows : [...rows, `  each bar: ${perBar} minutes`];
}
