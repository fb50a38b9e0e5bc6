type NumberField<T> = { [Key in keyof T]: T[Key] extends number ? Key : never }[keyof T];

/**
 * What states are made from, as copies. V8 keeps a field that has only held small whole numbers in a form of its own; with the first large one (2^31: nano-dollars, microseconds) it
 * changes the form in all such objects and throws away what it has compiled for them, amid the run. The fields named here have the form of large numbers from the start.
 */
export function largeLater<T extends object>(blank: T, fields: readonly NumberField<T>[]): Readonly<T> {
  for (const field of fields) {
    const value = blank[field];
    Object.assign(blank, { [field]: 0.5 });
    blank[field] = value;
  }
  return blank;
}
