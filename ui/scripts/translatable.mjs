/**
 * Makes the texts of `src/strings/*.ts` translatable while they are built, so that their files stay plain English: a text
 * becomes `say("text")`, one with values `fill("{0} s behind", s)`. Plural forms are looked up by `plural`.
 */
import { parseAst } from "vite";

const FILE = /\/src\/strings\/([a-z-]+)\.ts$/;
const NO_TEXTS = new Set(["index", "language"]);
const LETTERS = /\p{L}/u;
/** Methods whose arguments are looked for in a text, and not shown. */
const SEARCHES = new Set(["replace", "replaceAll", "split", "includes", "startsWith", "endsWith"]);

/** Vite's plugin. */
export function translatable() {
  return {
    name: "translatable",
    transform(code, id) {
      const [, file] = FILE.exec(id.split("?")[0]) ?? [];
      if (!file || NO_TEXTS.has(file)) return null;
      const made = rewrite(code, file);
      return made.texts.length > 0 ? { code: made.code, map: null } : null;
    },
  };
}

/** What `main.ts` imports once the language is known, loaded with the page instead of after it. */
export function startWithPage() {
  const link = (rel, file) => ({ tag: "link", attrs: { rel, crossorigin: true, href: `/${file}` }, injectTo: "head" });
  return {
    name: "start-with-page",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const start = Object.values(bundle ?? {}).find((each) => each.type === "chunk" && each.name === "start");
        if (!start) return [];
        return [
          ...[start.fileName, ...start.imports].filter((file) => !bundle[file]?.isEntry).map((file) => link("modulepreload", file)),
          ...[...start.viteMetadata.importedCss].map((file) => link("stylesheet", file)),
        ];
      },
    },
  };
}

/** JavaScript with its texts made translatable, and these texts: `{text, plural}`, `plural` for a form of a number. */
export function rewrite(code, file) {
  const texts = [];
  const body = apply(code, 0, code.length, edits(parseAst(code), code, texts));
  const head = texts.some((each) => !each.plural) ? `import { textsOf as __textsOf } from "./language";\nconst __of = /*#__PURE__*/ __textsOf(${JSON.stringify(file)});\n` : "";
  return { code: head + body, texts };
}

function apply(code, from, to, found) {
  let made = "";
  let at = from;
  for (const { start, end, text } of found.sort((a, b) => a.start - b.start)) {
    made += code.slice(at, start) + text;
    at = end;
  }
  return made + code.slice(at, to);
}

function edits(node, code, texts) {
  if (Array.isArray(node)) return node.flatMap((each) => edits(each, code, texts));
  if (!node || typeof node !== "object" || typeof node.type !== "string") return [];
  const inside = (...nodes) => nodes.flatMap((each) => edits(each, code, texts));
  switch (node.type) {
    case "Literal":
      if (typeof node.value !== "string" || !LETTERS.test(node.value)) return [];
      texts.push({ text: node.value, plural: false });
      return [{ start: node.start, end: node.end, text: `/*#__PURE__*/ __of.say(${JSON.stringify(node.value)})` }];
    case "TemplateLiteral":
      return template(node, code, texts);
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "TaggedTemplateExpression":
      return [];
    case "BinaryExpression":
      return node.operator === "+" ? inside(node.left, node.right) : inside(...[node.left, node.right].filter((each) => each.type !== "Literal"));
    case "SwitchCase":
      return inside(node.consequent);
    case "MemberExpression":
      return inside(node.object, ...(node.property.type === "Literal" ? [] : node.computed ? [node.property] : []));
    case "CallExpression":
      return inside(node.callee, ...(SEARCHES.has(node.callee.property?.name) || node.callee.type === "Import" ? [] : node.arguments));
    case "NewExpression": // a set of keys, a format
      return inside(...node.arguments.filter((each) => each.type === "ArrowFunctionExpression"));
    case "ArrayExpression":
      return isOption(node) ? inside(node.elements[1]) : inside(node.elements);
    case "ObjectExpression":
      return isForms(node) ? forms(node, texts) : inside(node.properties);
    case "Property":
      return inside(...(node.computed ? [node.key] : []), node.value);
    case "ExportNamedDeclaration":
      return inside(node.declaration);
  }
  return inside(...Object.values(node));
}

/** A value and its label: `["off", "Switched off"]`. */
const isOption = (node) => node.elements.length === 2 && /^[a-z_-]+$/.test(String(node.elements[0]?.value ?? ""));

const formsOf = (node) => Object.fromEntries(node.properties.map((each) => [each.key?.name ?? each.key?.value, each.value]));
function isForms(node) {
  const { one, other } = formsOf(node);
  return one?.type === "Literal" && other?.type === "Literal";
}
function forms(node, texts) {
  const { one, other } = formsOf(node);
  texts.push({ text: one.value, plural: true }, { text: other.value, plural: true });
  return [];
}

function template(node, code, texts) {
  const values = node.expressions.map((each) => apply(code, each.start, each.end, edits(each, code, texts)));
  const text = node.quasis.map((each, index) => each.value.cooked + (index < values.length ? `{${index}}` : "")).join("");
  if (!LETTERS.test(node.quasis.map((each) => each.value.cooked).join(""))) return node.expressions.flatMap((each) => edits(each, code, texts));
  texts.push({ text, plural: false });
  return [{ start: node.start, end: node.end, text: `/*#__PURE__*/ __of.fill(${[JSON.stringify(text), ...values].join(", ")})` }];
}
