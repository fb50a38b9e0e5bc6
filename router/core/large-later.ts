type NumberField<T> = { [Key in keyof T]: T[Key] extends number ? Key : never }[keyof T];

/**
 * A new state, some of whose fields will come to hold large numbers (2^31 or more: nano-dollars, microseconds). V8 keeps a field that has only held small whole numbers in a
 * form of its own; with the first large one it changes the form in all such objects, and throws away what it has compiled for them, amid the run. So they get the
 * form of large ones at once.
 */
export function largeLater<T extends object>(state: T, fields: readonly NumberField<T>[]): T {
  for (const field of fields) {
    const value = state[field];
    Object.assign(state, { [field]: 0.5 });
    state[field] = value;
  }
  return state;
}
