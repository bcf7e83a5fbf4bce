// Makes one sprite and one type out of the SVG files in icons/ (Lucide, ISC licence: see LICENSES.txt).
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../icons/", import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".svg"))
  .map((name) => name.slice(0, -4))
  .sort();

const symbols = names.map((name) => {
  const svg = readFileSync(new URL(`${name}.svg`, folder), "utf8");
  const inner = svg
    .replace(/<!--.*?-->/gs, "")
    .replace(/^.*?<svg[^>]*>/s, "")
    .replace(/<\/svg>.*$/s, "");
  const small = inner.replace(/\s+/g, " ").replace(/> </g, "><").replaceAll(" />", "/>").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24">${joined(small)}</symbol>`;
});

/** The same drawing with one path instead of several one after the other. */
function joined(inner) {
  return inner.replace(/(?:<path d="[^"]*"\/>){2,}/g, (paths) => {
    const parts = [...paths.matchAll(/d="([^"]*)"/g)].map(([, d]) => fromStart(d));
    return `<path d="${parts.join("")}"/>`;
  });
}

/** A path whose relative beginning is absolute, as it is where nothing comes before it. */
function fromStart(d) {
  const number = String.raw`\s*,?\s*(-?(?:\d*\.\d+|\d+))`;
  return d.replace(new RegExp(`^m${number}${number}\\s*,?\\s*(.?)`), (_, x, y, next) => `M${x} ${y}${/[a-zA-Z]/.test(next) ? "" : "l"}${next}`);
}

write("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
write(
  "icon-names.ts",
  `// Made by scripts/icons.mjs.\nexport type IconName =\n${names.map((name) => `  | "${name}"`).join("\n")};\n`,
);

function write(name, text) {
  const path = new URL(`../src/ui/${name}`, import.meta.url);
  let old = "";
  try {
    old = readFileSync(path, "utf8");
  } catch {
    // The first time there is none.
  }
  if (old !== text) writeFileSync(path, text);
}
