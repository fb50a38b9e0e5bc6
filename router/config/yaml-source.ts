import { isAlias, isMap, isNode, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, ParsedNode } from "yaml";
import { InputError } from "./problem.ts";
import type { Problem } from "./problem.ts";

export type FieldPath = readonly (string | number)[];
/** Which part of a mapping's entry a problem points at. */
export type Part = "key" | "value";

/** A parsed YAML file that still knows where everything stands. */
export interface YamlSource {
  readonly file: string;
  readonly text: string;
  readonly document: Document.Parsed<ParsedNode>;
  readonly lines: LineCounter;
}

/** @throws InputError with every syntax error (duplicate keys among them) */
export function parseYaml(file: string, text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new InputError(
      document.errors.map((error) => {
        const place = placeOf(lines, error.pos[0]);
        if (error.code !== "DUPLICATE_KEY") {
          return {
            file,
            ...place,
            field: null,
            message: `not valid YAML: ${error.message}`,
            fix: "correct the syntax at this place (indentation, quotes, brackets)",
          };
        }
        const name = /^[^\s:]*/.exec(text.slice(error.pos[0]))?.[0] ?? "";
        return { file, ...place, field: null, message: `the key "${name}" stands here for a second time`, fix: "rename or remove one of the two" };
      }),
    );
  }
  return { file, text, document, lines };
}

/** The document as plain data. @throws InputError when aliases would blow it up */
export function plainValue(source: YamlSource): unknown {
  try {
    return source.document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError([{ file: source.file, line: 1, column: 1, field: null, message, fix: "use fewer aliases" }]);
  }
}

/** A problem at a field; where the path does not exist it points at the nearest thing around it that does. */
export function problemAt(source: YamlSource, path: FieldPath, part: Part, message: string, fix: string): Problem {
  return { file: source.file, ...placeOf(source.lines, offsetOf(source, path, part)), field: describePath(path), message, fix };
}

export function describePath(path: FieldPath): string | null {
  return path.length === 0 ? null : path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");
}

function placeOf(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function offsetOf(source: YamlSource, path: FieldPath, part: Part): number {
  let node: Node | null = source.document.contents;
  let keyOffset = startOf(node) ?? 0;
  let valueOffset = keyOffset;
  for (const step of path) {
    const entry = entryOf(source, node, step);
    if (entry === null) return keyOffset;
    node = entry.value;
    valueOffset = startOf(node) ?? entry.keyOffset;
    keyOffset = entry.keyOffset;
  }
  return part === "key" ? keyOffset : valueOffset;
}

function entryOf(source: YamlSource, node: Node | null, step: string | number): { readonly keyOffset: number; readonly value: Node | null } | null {
  const holder = isAlias(node) ? (node.resolve(source.document) ?? null) : node;
  if (isMap(holder)) {
    for (const pair of holder.items) {
      if (!isNode(pair.key) || keyText(pair.key) !== String(step)) continue;
      return { keyOffset: startOf(pair.key) ?? 0, value: isNode(pair.value) ? pair.value : null };
    }
    return null;
  }
  if (isSeq(holder) && typeof step === "number") {
    const item = holder.items[step];
    return isNode(item) ? { keyOffset: startOf(item) ?? 0, value: item } : null;
  }
  return null;
}

const keyText = (key: Node): string => String("value" in key ? key.value : key);
const startOf = (node: Node | null): number | null => node?.range?.[0] ?? null;
