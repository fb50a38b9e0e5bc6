import path from "node:path";
import { parseSync } from "oxc-parser";

/**
 * What the compiler cannot see in a pure core (`types: []` and `lib: ES2023` already hide timers, `process`, `fetch` and `node:*`):
 * clocks, locale, and arithmetic that differs between JavaScript engines. Found over the syntax tree, so comments and strings do not count.
 */
export interface Impurity {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** Folders that are pure, and where each may import from. */
export const pureFolders: Readonly<Record<string, readonly string[]>> = {
  "router/core": ["router/core"],
  "simulator/core": ["router/core", "simulator/core"],
};

/** Correctly rounded or exact on every engine. */
const mathAllowed = new Set(["floor", "ceil", "min", "max", "abs", "trunc", "imul", "clz32", "sqrt"]);
const mathHome = "router/core/numeric.ts";
/** Exact too, and wanted only where ln, exp and pow are made. */
const mathAllowedAtHome = new Set(["fround", "round", "sign", "E", "LN2", "LN10", "LOG2E", "LOG10E", "PI", "SQRT2", "SQRT1_2"]);

const globalsForbidden = new Set(["Date", "Intl", "performance", "globalThis", "eval", "Function", "WeakRef", "FinalizationRegistry"]);
/** Their sort without a comparator is by number. */
const typedArray = /^(Float(32|64)|(Ui|I)nt(8|16|32)|Big(Ui|I)nt64)Array$/;
const localeMethod = /^(localeCompare|toLocale[A-Z]\w*)$/;

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** @param file path from the project's root, with slashes; it decides what may be imported */
export function findImpurities(file: string, source: string): readonly Impurity[] {
  const parsed = parseSync(file, source);
  const found: Impurity[] = parsed.errors.map((error) => ({ file, line: 1, what: `cannot be parsed: ${error.message}` }));
  const program = parsed.program as unknown as SyntaxNode;
  const place: Place = { file, typedArrays: typedArraysIn(program) };
  const visit = (node: SyntaxNode, parent: SyntaxNode | null): void => {
    const what = ruleOfType.get(node.type)?.(node, parent, place) ?? null;
    if (what !== null) found.push({ file, line: lineAt(source, node.start), what });
    for (const child of childrenOf(node)) visit(child, node);
  };
  visit(program, null);
  return found;
}

interface Place {
  readonly file: string;
  /** Variables and parameters that are declared as one, or made by `new`. */
  readonly typedArrays: ReadonlySet<string>;
}

function typedArraysIn(program: SyntaxNode): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: SyntaxNode): void => {
    const declared = ((node["typeAnnotation"] as SyntaxNode | null | undefined)?.["typeAnnotation"] as SyntaxNode | undefined)?.["typeName"] as
      | SyntaxNode
      | undefined;
    if (node.type === "Identifier" && typedArray.test(String(declared?.["name"]))) names.add(String(node["name"]));
    const made = node.type === "VariableDeclarator" ? (node["init"] as SyntaxNode | null) : null;
    if (made?.type === "NewExpression" && typedArray.test(String((made["callee"] as SyntaxNode)["name"])))
      names.add(String((node["id"] as SyntaxNode)["name"]));
    for (const child of childrenOf(node)) visit(child);
  };
  visit(program);
  return names;
}

type Rule = (node: SyntaxNode, parent: SyntaxNode | null, place: Place) => string | null;

const power: Rule = (node) => (String(node["operator"]).startsWith("**") ? "`**` differs between engines; use pow of numeric.ts" : null);
const importOrExport: Rule = (node, _parent, { file }) => importUse(node, file);

const ruleOfType: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["Identifier", (node, parent, { file }) => (isName(node, parent) ? localeUse(node["name"]) : globalUse(node, parent, file))],
  ["Literal", (node, parent) => (parent?.type === "MemberExpression" ? localeUse(node["value"]) : null)],
  ["BinaryExpression", power],
  ["AssignmentExpression", power],
  ["CallExpression", (node, _parent, place) => (isSortWithoutOrder(node, place) ? "sort without a comparator orders by string" : null)],
  ["MetaProperty", (node) => ((node["meta"] as SyntaxNode)["name"] === "import" ? "import.meta knows where it runs" : null)],
  ["ExportDefaultDeclaration", () => "default export"],
  ["ExportSpecifier", (node) => ((node["exported"] as SyntaxNode)["name"] === "default" ? "default export" : null)],
  ["ImportDeclaration", importOrExport],
  ["ExportNamedDeclaration", importOrExport],
  ["ExportAllDeclaration", importOrExport],
  ["ImportExpression", importOrExport],
  ["TSImportType", importOrExport],
  ["TSExternalModuleReference", importOrExport],
]);

/** The identifier is a name after a dot or a key, so it does not refer to a variable. */
function isName(node: SyntaxNode, parent: SyntaxNode | null): boolean {
  if (parent === null || parent["computed"] === true) return false;
  switch (parent.type) {
    case "MemberExpression":
      return parent["property"] === node;
    case "Property":
      return parent["key"] === node && parent["shorthand"] !== true;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent["key"] === node;
    default:
      return false;
  }
}

function globalUse(node: SyntaxNode, parent: SyntaxNode | null, file: string): string | null {
  const name = String(node["name"]);
  if (globalsForbidden.has(name)) return `${name} is ambient`;
  if (localeMethod.test(name)) return localeUse(name);
  if (name !== "Math") return null;
  if (parent?.type !== "MemberExpression" || parent["object"] !== node || parent["computed"] === true) return "Math under another name";
  const member = String((parent["property"] as SyntaxNode)["name"]);
  if (mathAllowed.has(member) || (file === mathHome && mathAllowedAtHome.has(member))) return null;
  return `Math.${member} is not among ${[...mathAllowed].join(", ")}; use numeric.ts`;
}

function localeUse(name: unknown): string | null {
  return typeof name === "string" && localeMethod.test(name) ? `${name} depends on the locale` : null;
}

function isSortWithoutOrder(call: SyntaxNode, place: Place): boolean {
  const callee = call["callee"] as SyntaxNode;
  if (callee.type !== "MemberExpression" || (call["arguments"] as unknown[]).length > 0) return false;
  const property = callee["property"] as SyntaxNode;
  const name = callee["computed"] === true ? property["value"] : property["name"];
  return (name === "sort" || name === "toSorted") && !place.typedArrays.has(String((callee["object"] as SyntaxNode)["name"]));
}

function importUse(node: SyntaxNode, file: string): string | null {
  const source = (node["source"] ?? node["expression"]) as SyntaxNode | null | undefined;
  if (source === null || source === undefined) return null;
  const specifier = source["value"];
  if (typeof specifier !== "string") return "import of a computed name";
  const home = Object.keys(pureFolders).find((folder) => file.startsWith(`${folder}/`));
  const allowed = home === undefined ? [] : (pureFolders[home] ?? []);
  const target = specifier.startsWith(".") ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
  return allowed.some((folder) => target.startsWith(`${folder}/`)) ? null : `import of ${target}; allowed: ${allowed.join(", ")}`;
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  return Object.values(node).flatMap((value: unknown) => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []));
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
