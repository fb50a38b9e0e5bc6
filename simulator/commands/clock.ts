/** `12.3 s`, `58 min 22 s`, `24.0 h` */
export function clock(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 36_000) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
