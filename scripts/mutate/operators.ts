/**
 * The mutation operators: from a source and its syntax tree to every small change that a test should notice. Owns what is changed and how a
 * mutant is named; promises that a name stays the same while the lines it touches do, wherever they move. Never compiles: a change the
 * compiler refuses is no mutant.
 */
import { createHash } from "node:crypto";

export type Operator =
  | "relational"
  | "logical"
  | "negation"
  | "arithmetic"
  | "guard"
  | "call"
  | "assignment"
  | "event"
  | "constant"
  | "arguments"
  | "modifier"
  | "return"
  | "assembly";

export interface Mutant {
  /** Of source, function, lines before and after, and which of several alike. */
  readonly id: string;
  readonly source: string;
  readonly function: string;
  readonly line: number;
  readonly operator: Operator;
  /** The lines touched, as they are and as they become, without their indentation. */
  readonly before: string;
  readonly after: string;
  /** Bytes replaced in the source, and by what. */
  readonly start: number;
  readonly length: number;
  readonly replacement: string;
}

/** A node of the compiler's syntax tree: only what is looked at. */
export interface Node {
  readonly nodeType: string;
  readonly src: string;
  readonly [key: string]: unknown;
}

interface Edit {
  readonly operator: Operator;
  readonly start: number;
  readonly length: number;
  readonly replacement: string;
}

const swaps: Readonly<Record<string, { readonly operator: Operator; readonly by: readonly string[] }>> = {
  "<": { operator: "relational", by: ["<=", ">="] },
  "<=": { operator: "relational", by: ["<", ">"] },
  ">": { operator: "relational", by: [">=", "<="] },
  ">=": { operator: "relational", by: [">", "<"] },
  "==": { operator: "relational", by: ["!="] },
  "!=": { operator: "relational", by: ["=="] },
  "&&": { operator: "logical", by: ["||"] },
  "||": { operator: "logical", by: ["&&"] },
  "+": { operator: "arithmetic", by: ["-"] },
  "-": { operator: "arithmetic", by: ["+"] },
  "*": { operator: "arithmetic", by: ["/"] },
  "/": { operator: "arithmetic", by: ["*"] },
  "%": { operator: "arithmetic", by: ["*"] },
  "&": { operator: "arithmetic", by: ["|"] },
  "|": { operator: "arithmetic", by: ["&"] },
  "^": { operator: "arithmetic", by: ["&"] },
  "<<": { operator: "arithmetic", by: [">>"] },
  ">>": { operator: "arithmetic", by: ["<<"] },
  "+=": { operator: "arithmetic", by: ["-="] },
  "-=": { operator: "arithmetic", by: ["+="] },
  "|=": { operator: "arithmetic", by: ["&="] },
  "&=": { operator: "arithmetic", by: ["|="] },
  ">>=": { operator: "arithmetic", by: ["<<="] },
  "<<=": { operator: "arithmetic", by: [">>="] },
};

const assemblySwaps: Readonly<Record<string, string>> = {
  add: "sub",
  sub: "add",
  mul: "add",
  div: "mul",
  and: "or",
  or: "and",
  lt: "gt",
  gt: "lt",
  eq: "sub",
  shl: "shr",
  shr: "shl",
};

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { nodeType?: unknown }).nodeType === "string";
const nodes = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : []);

/** First byte and number of bytes of a node in its source. */
export function spanOf(node: Node): { start: number; end: number } {
  const [start = 0, length = 0] = node.src.split(":").map(Number);
  return { start, end: start + length };
}

/** One source in bytes, as the tree counts them. */
function createText(content: string): {
  of: (node: Node) => string;
  between: (from: number, to: number) => string;
} {
  const bytes = Buffer.from(content, "utf8");
  const between = (from: number, to: number): string => bytes.subarray(from, to).toString("utf8");
  return {
    between,
    of: (node) => {
      const { start, end } = spanOf(node);
      return between(start, end);
    },
  };
}
type Text = ReturnType<typeof createText>;

function replace(operator: Operator, node: Node, replacement: string): Edit {
  const { start, end } = spanOf(node);
  return { operator, start, length: end - start, replacement };
}

/** Replaces the operator's sign, which stands somewhere between its two sides. */
function swapSign(text: Text, { sign, left, right }: { sign: string; left: Node; right: Node }): readonly Edit[] {
  const swap = swaps[sign];
  if (swap === undefined) return [];
  const from = spanOf(left).end;
  // A comment between the sides may hold the sign, too; it is blanked, byte for byte.
  const gap = text
    .between(from, spanOf(right).start)
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (found) => " ".repeat(Buffer.byteLength(found)));
  const at = gap.indexOf(sign);
  if (at < 0) return [];
  const start = from + Buffer.byteLength(gap.slice(0, at));
  return swap.by.map((replacement) => ({ operator: swap.operator, start, length: sign.length, replacement }));
}

function increment(literal: string): string | undefined {
  const hex = /^0x([0-9a-fA-F_]+)$/.exec(literal)?.[1];
  if (hex !== undefined) {
    const digits = hex.replaceAll("_", "");
    const next = (BigInt(`0x${digits}`) + 1n).toString(16).padStart(digits.length, "0");
    return next.length > digits.length ? undefined : `0x${next}`;
  }
  const [, number, unit = ""] = /^(\d[\d_]*)(\s+\w+)?$/.exec(literal) ?? [];
  return number === undefined ? undefined : `${BigInt(number.replaceAll("_", "")) + 1n}${unit}`;
}

function constantEdits(text: Text, node: Node): readonly Edit[] {
  const literal = text.of(node);
  if (node["kind"] === "bool") return [replace("constant", node, literal === "true" ? "false" : "true")];
  if (node["kind"] === "string") return [replace("constant", node, `${literal.slice(0, -1)}~${literal.slice(-1)}`)];
  const next = node["kind"] === "number" ? increment(literal) : undefined;
  return next === undefined ? [] : [replace("constant", node, next)];
}

function typeOf(node: Node): string {
  return (node["typeDescriptions"] as { typeString?: string } | undefined)?.typeString ?? "";
}

/** Another value of the same type; a literal is the constants' business. */
function returnEdits(text: Text, node: Node): readonly Edit[] {
  if (node.nodeType === "TupleExpression" && nodes(node["components"]).length > 1) {
    return nodes(node["components"]).flatMap((part) => returnEdits(text, part));
  }
  if (node.nodeType === "Literal" || node.nodeType === "Conditional") return [];
  const type = typeOf(node);
  const value = text.of(node);
  if (type === "bool") return [replace("return", node, `!(${value})`)];
  if (/^uint\d+$/.test(type)) return [replace("return", node, `((${value}) ^ 1)`)];
  if (/^bytes\d+$/.test(type)) return [replace("return", node, `~(${value})`)];
  if (type.startsWith("address")) return [replace("return", node, `address(uint160(${value}) ^ 1)`)];
  return [];
}

/** Functions that give the same for their two arguments either way round. */
const symmetric: ReadonlySet<string> = new Set(["Math.min", "Math.max", "Math.saturatingAdd"]);

/** Each pair of neighbours of one type, exchanged. */
function swapArguments(text: Text, node: Node): readonly Edit[] {
  const given = nodes(node["arguments"]);
  const called = node["expression"];
  if (isNode(called) && symmetric.has(text.of(called))) return [];
  if ((node["names"] as readonly unknown[] | undefined)?.length || node["kind"] === "typeConversion") return [];
  return given.slice(1).flatMap((second, index) => {
    const first = given[index];
    if (first === undefined || typeOf(first) !== typeOf(second) || text.of(first) === text.of(second)) return [];
    const start = spanOf(first).start;
    const middle = text.between(spanOf(first).end, spanOf(second).start);
    const replacement = `${text.of(second)}${middle}${text.of(first)}`;
    return [{ operator: "arguments" as const, start, length: spanOf(second).end - start, replacement }];
  });
}

function isRevert(body: unknown): boolean {
  if (!isNode(body)) return false;
  if (body.nodeType === "RevertStatement") return true;
  const [only, ...more] = nodes(body["statements"]);
  return body.nodeType === "Block" && more.length === 0 && only?.nodeType === "RevertStatement";
}

function conditionEdits(text: Text, node: Node): readonly Edit[] {
  const condition = node["condition"];
  if (!isNode(condition)) return [];
  const edits = [replace("negation", condition, `!(${text.of(condition)})`)];
  if (node.nodeType === "IfStatement") {
    edits.push(replace("guard", condition, "false"));
    // A guard that is always taken is what negation shows; a choice that is always taken is not.
    if (!isRevert(node["trueBody"])) edits.push(replace("guard", condition, "true"));
  }
  return edits;
}

/** `0` stands for nothing: a statement without effect that the compiler takes anywhere. */
function statementEdits(node: Node): readonly Edit[] {
  const inner = node["expression"];
  if (!isNode(inner)) return [];
  if (inner.nodeType === "Assignment") return [replace("assignment", node, "0")];
  if (inner.nodeType === "UnaryOperation") return [replace("assignment", node, "0")];
  return inner.nodeType === "FunctionCall" ? [replace("call", node, "0")] : [];
}

function assemblyEdits(text: Text, node: Node): readonly Edit[] {
  if (node.nodeType === "YulExpressionStatement" || node.nodeType === "YulAssignment") {
    return [replace("assembly", node, "{}")];
  }
  if (node.nodeType === "YulLiteral") {
    const next = increment(text.of(node));
    return next === undefined ? [] : [replace("assembly", node, next)];
  }
  if (node.nodeType !== "YulFunctionCall") return [];
  const name = node["functionName"] as Node;
  const called = text.of(name);
  if (called === "iszero") return [replace("assembly", node, `iszero(${text.of(node)})`)];
  const other = assemblySwaps[called];
  return other === undefined ? [] : [replace("assembly", name, other)];
}

function editsOf(text: Text, node: Node): readonly Edit[] {
  switch (node.nodeType) {
    case "BinaryOperation":
      return swapSign(text, {
        sign: String(node["operator"]),
        left: node["leftExpression"] as Node,
        right: node["rightExpression"] as Node,
      });
    case "Assignment":
      return swapSign(text, {
        sign: String(node["operator"]),
        left: node["leftHandSide"] as Node,
        right: node["rightHandSide"] as Node,
      });
    case "UnaryOperation":
      return node["operator"] === "!" || node["operator"] === "~"
        ? [replace("negation", node, `(${text.of(node["subExpression"] as Node)})`)]
        : [];
    case "IfStatement":
    case "Conditional":
    case "WhileStatement":
    case "ForStatement":
      return conditionEdits(text, node);
    case "ExpressionStatement":
      return statementEdits(node);
    case "EmitStatement":
      return [replace("event", node, "0")];
    case "Literal":
      return constantEdits(text, node);
    case "FunctionCall":
      return swapArguments(text, node);
    case "ModifierInvocation":
      return node["kind"] === "modifierInvocation" ? [replace("modifier", node, "")] : [];
    case "Return":
      return isNode(node["expression"]) ? returnEdits(text, node["expression"]) : [];
    default:
      return node.nodeType.startsWith("Yul") ? assemblyEdits(text, node) : [];
  }
}

/** Parts of a node that hold no code of their own. */
const skipped = new Set([
  "documentation",
  "typeDescriptions",
  "typeName",
  "pathNode",
  "externalReferences",
  "nativeSrc",
]);

function visit(node: Node, place: string, found: (node: Node, place: string) => void): void {
  if (node.nodeType === "ImportDirective" || node.nodeType === "PragmaDirective") return;
  found(node, place);
  const inside = placeOf(node) ?? place;
  for (const [key, value] of Object.entries(node)) {
    if (skipped.has(key)) continue;
    for (const child of isNode(value) ? [value] : nodes(value)) visit(child, inside, found);
  }
}

function placeOf(node: Node): string | undefined {
  if (node.nodeType !== "FunctionDefinition" && node.nodeType !== "ModifierDefinition") return undefined;
  return String(node["name"]) || String(node["kind"]);
}

/** The source after an edit. */
export function applyEdit(content: string, { start, length, replacement }: Omit<Edit, "operator">): string {
  const bytes = Buffer.from(content, "utf8");
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(replacement), bytes.subarray(start + length)]).toString();
}

/** The whole lines that an edit touches, before and after, indentation and line breaks made one space. */
function linesOf(content: string, edit: Edit): { before: string; after: string; line: number } {
  const bytes = Buffer.from(content, "utf8");
  const from = bytes.lastIndexOf(0x0a, edit.start - 1) + 1;
  const next = bytes.indexOf(0x0a, edit.start + edit.length);
  const to = next < 0 ? bytes.length : next;
  const plain = (part: string): string => part.replace(/\s+/g, " ").trim();
  const head = bytes.subarray(from, edit.start).toString();
  const tail = bytes.subarray(edit.start + edit.length, to).toString();
  return {
    before: plain(bytes.subarray(from, to).toString()),
    after: plain(`${head}${edit.replacement}${tail}`),
    line: bytes.subarray(0, edit.start).toString().split("\n").length,
  };
}

/** Every mutant of one source, in the order of its text. */
export function listMutants({ source, content, ast }: { source: string; content: string; ast: Node }): Mutant[] {
  const text = createText(content);
  const edits: (Edit & { place: string })[] = [];
  visit(ast, "", (node, place) => {
    for (const edit of editsOf(text, node)) edits.push({ ...edit, place });
  });
  edits.sort((a, b) => a.start - b.start || a.length - b.length);
  const seen = new Set<string>();
  const alike = new Map<string, number>();
  return edits.flatMap(({ place, ...edit }) => {
    const key = `${edit.start}:${edit.length}:${edit.replacement}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const { before, after, line } = linesOf(content, edit);
    const name = [source, place, before, after].join("\0");
    const count = alike.get(name) ?? 0;
    alike.set(name, count + 1);
    const id = createHash("sha256").update(`${name}\0${count}`).digest("hex").slice(0, 12);
    return [{ id, source, function: place, line, before, after, ...edit }];
  });
}
