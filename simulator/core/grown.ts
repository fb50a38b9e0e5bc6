/** Rows of numbers that have become too short. @param cells longer ones, which take over what stands in those before @returns them */
export function grown<Cells extends Int32Array | Float64Array>(before: Cells, cells: Cells): Cells {
  cells.set(before);
  return cells;
}
