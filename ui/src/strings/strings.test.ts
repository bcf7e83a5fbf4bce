/** The rules of the catalogue: no word that users do not say, and no text of the interface outside of it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst, transformWithEsbuild } from "vite";
import { describe, expect, it } from "vitest";

const NEVER = [
  /\bon watch\b/i, /\btold\b/i, /\btell(s|ing)?\b(?! (people|them))/i, /private parts?\b/i, /\b(large|small|key) pictures?\b/i, /\banew\b/i, /\busual:/i,
  /\bmend/i, /\bfetch/i, /\bLooking…/i, /\bReading the/i, /\bfootage\b/i, /pictures\/s/i, /\bnobody\b(?! can)/i, /\bsomebody\b/i, /let it go/i,
  /\boff ?site\b/i, /\bneeds? you\b/i, /take(n)? back/i, /rehears/i, /\brecap\b/i, /\bPerhaps\b/, /\bMake (it|the|private)\b/,
  /\bwhoever\b(?! runs)/i, /successful/i, /\bOops/i, /\(s\)/, /\bon purpose\b(?!\?)/i, /\blocked\b events?/i, /\bthis (machine|house|box)\b/i,
];
const STYLE = [
  [/\p{L}'\p{L}/u, "a straight apostrophe"], [/;/, "a semicolon"], [/\d %/, "a space before %"], [/!$/, "an exclamation mark"], [/\bTawny\b/, "a capital tawny"],
] as const;

type Found = [string, string];

/** Each text with its key; functions are called with a number, or with text, to see what they say. */
function texts(value: unknown, key: string): Found[] {
  if (typeof value === "string") return [[key, value]];
  if (typeof value === "function") return texts(said(value as (...given: unknown[]) => unknown), key);
  if (Array.isArray(value) && value.length === 2 && /^[a-z-]+$/.test(String(value[0]))) return texts(value[1], key); // an option: its value, its label
  if (value && typeof value === "object") return Object.entries(value).flatMap(([name, each]) => texts(each, `${key}.${name}`));
  return [];
}

function said(made: (...given: unknown[]) => unknown): unknown {
  try {
    return made(...["5", "6", "7", "8"]);
  } catch {
    return made(["5"]);
  }
}

const files = import.meta.glob<Record<string, unknown>>(["./*.ts", "!./index.ts", "!./language.ts", "!./*.test.ts"], { eager: true });
const all = Object.entries(files).flatMap(([file, exported]) => texts(exported, file.slice(2, -3)));

describe("the catalogue", () => {
  it("is read whole", () => expect(all.length).toBeGreaterThan(1200));
  it.each(NEVER)("does not say %s", (word) => expect(all.filter(([, text]) => word.test(text))).toEqual([]));
  it.each(STYLE)("has no %s (%s)", (word) => expect(all.filter(([, text]) => word.test(text))).toEqual([]));
});

/** Attributes that a person reads or hears. */
const SPOKEN = new Set(["title", "placeholder", "aria-label", "alt", "label", "children"]);
const WORD = /\p{L}{2}/u;
interface Node {
  type: string;
  [part: string]: unknown;
}

/** The literal texts of a JSX child or attribute: `"a"`, `` `a ${b}` ``, `b ? "a" : c`, `b && "a"`. */
function literals(node: Node): string[] {
  const parts = (...names: string[]) => names.flatMap((name) => [node[name]].flat().flatMap((each) => literals(each as Node)));
  if (node.type === "Literal") return typeof node["value"] === "string" && WORD.test(node["value"]) ? [node["value"]] : [];
  if (node.type === "TemplateElement") return [(node["value"] as { cooked: string }).cooked].filter((text) => WORD.test(text));
  if (node.type === "TemplateLiteral") return parts("quasis");
  if (node.type === "ConditionalExpression") return parts("consequent", "alternate");
  if (node.type === "LogicalExpression") return parts("right");
  return node.type === "ArrayExpression" ? parts("elements").filter(() => !isTable(node)) : [];
}

/** Rows of values and labels, such as `[["none", words.none]]`: the values are no text. */
const isTable = (node: Node): boolean => (node["elements"] as Node[]).some((each) => each?.type === "ArrayExpression");

function spoken(node: unknown, isProps = false): string[] {
  if (Array.isArray(node)) return node.flatMap((each) => spoken(each));
  if (!node || typeof node !== "object") return [];
  const { type, key, value, ...rest } = node as Node & { key?: { name?: string; value?: string }; value?: Node };
  const name = key?.name ?? key?.value ?? "";
  const here = isProps && type === "Property" && SPOKEN.has(name) && value ? literals(value) : [];
  if (type === "CallExpression" && /^_?jsxs?$/.test((rest["callee"] as { name?: string }).name ?? "")) {
    const [tag, props] = rest["arguments"] as Node[];
    return [...spoken(tag), ...((props?.["properties"] as Node[] | undefined) ?? []).flatMap((each) => spoken(each, true))];
  }
  return [...here, ...spoken(value), ...Object.values(rest).flatMap((each) => spoken(each))];
}

const SOURCE = join(import.meta.dirname, "..");
const pages = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx") && !name.includes(".test."));

it.each(pages)("%s has no text of its own", async (name) => {
  const { code } = await transformWithEsbuild(readFileSync(join(SOURCE, name), "utf8"), name, { jsx: "automatic", jsxImportSource: "preact", sourcemap: false });
  expect(spoken(parseAst(code))).toEqual([]);
});
