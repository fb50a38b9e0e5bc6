/** How far a simulated figure is from the measured one, percent; `limit` null: told, not judged. */
export interface Figure {
  readonly name: string;
  readonly off: number;
  readonly limit: number | null;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export const percentOff = (measured: number, simulated: number): number => 100 * (simulated / measured - 1);

export const isMissed = ({ off, limit }: Figure): boolean => limit !== null && !(Math.abs(off) <= limit);
