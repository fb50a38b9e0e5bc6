import { refuse } from "./trace-format.ts";

export interface CsvCells {
  readonly cells: readonly string[];
  /** Column in the line where each cell begins, from 1. */
  readonly columns: readonly number[];
}

/** The cells of one line (RFC 4180, without line breaks in quotes). @throws LineError */
export function csvCells(line: string, delimiter = ","): CsvCells {
  if (!line.includes('"')) return plainCells(line.split(delimiter));
  const cells: string[] = [];
  const columns: number[] = [];
  let place = 0;
  for (;;) {
    columns.push(place + 1);
    if (line[place] === '"') {
      const end = quoteEnd(line, place);
      cells.push(line.slice(place + 1, end).replaceAll('""', '"'));
      place = end + 1;
      if (place < line.length && line[place] !== delimiter)
        refuse(place + 1, null, "something follows the closing quote", `write ${delimiter} between cells, and "" for a quote within one`);
    } else {
      const end = line.indexOf(delimiter, place);
      cells.push(line.slice(place, end === -1 ? line.length : end));
      place = end === -1 ? line.length : end;
    }
    if (place >= line.length) return { cells, columns };
    place += 1;
  }
}

function quoteEnd(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end !== -1; end = line.indexOf('"', end + 2)) {
    if (line[end + 1] !== '"') return end;
  }
  return refuse(start + 1, null, "a quoted cell does not end on this line", "close the quote; line breaks within cells are not read");
}

function plainCells(cells: readonly string[]): CsvCells {
  const columns: number[] = [];
  let place = 1;
  for (const cell of cells) {
    columns.push(place);
    place += cell.length + 1;
  }
  return { cells, columns };
}
