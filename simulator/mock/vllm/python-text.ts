/** How Python prints what vLLM's errors quote. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "string") return typeof value === "number" ? String(value) : JSON.stringify(value);
  const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  if (escaped.includes("'") && !escaped.includes('"')) return `"${escaped}"`;
  return `'${escaped.replaceAll("'", "\\'")}'`;
}

/** What the server shows of an input: containers by their size only. */
export function shownInput(value: unknown): string {
  if (Array.isArray(value)) return `<list of ${value.length} items>`;
  if (typeof value === "object" && value !== null) return `<dict of ${Object.keys(value).length} items>`;
  return typeof value === "string" ? value : pythonRepr(value);
}

export function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
