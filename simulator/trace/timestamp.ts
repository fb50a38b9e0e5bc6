/** Days since 1970-01-01, and ticks of 100 ns within the day: together they would not fit a number exactly. */
export interface Timestamp {
  readonly day: number;
  readonly ticks: number;
}

export const ticksPerDay = 864_000_000_000;
const form = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/;

/** ISO 8601 as logs write it: a blank or T, up to nine fractional digits (of which seven are kept), a zone or none (UTC then). Null: it is something else. */
export function timestampOf(text: string): Timestamp | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [year, month, date, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const midnight = Date.UTC(year, month - 1, date);
  const read = new Date(midnight);
  if (read.getUTCMonth() !== month - 1 || read.getUTCDate() !== date) return null;
  const ticks = ((hour * 60 + minute) * 60 + second) * 10_000_000 + Number((match[7] ?? "").padEnd(7, "0").slice(0, 7));
  return normalised(midnight / 86_400_000, ticks - zoneMinutes(match[8]) * 600_000_000);
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined || zone === "Z" || zone === "UTC") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.length > 3 ? zone.slice(-2) : 0);
  return zone.startsWith("-") ? -minutes : minutes;
}

function normalised(day: number, ticks: number): Timestamp {
  if (ticks < 0) return { day: day - 1, ticks: ticks + ticksPerDay };
  return ticks >= ticksPerDay ? { day: day + 1, ticks: ticks - ticksPerDay } : { day, ticks };
}

const microsPerDay = 86_400_000_000;

/** @param micros since any origin, at least 0 */
export function timestampOfMicros(micros: number): Timestamp {
  const day = Math.floor(micros / microsPerDay);
  return normalised(day, Math.round((micros - day * microsPerDay) * 10));
}

export const microsOf = ({ day, ticks }: Timestamp): number => day * microsPerDay + Math.floor(ticks / 10);
