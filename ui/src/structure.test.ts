// @vitest-environment node
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** A folder imports only from folders further down; a screen never imports another screen. */
const LAYERS = ["main", "app", "screens", "timeline", "player", "live", "sealed", "ui", "testing", "api", "strings"];
const SRC = fileURLToPath(new URL(".", import.meta.url));
const FROM = /(?:\bfrom|\bimport|\bimport\(|new URL\()\s*"(\.[^"?]+)/g;

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.(tsx?|css)$/.test(file) && file !== "structure.test.ts");

/** The file that an import names, as a path below `src`; null: not ours. */
function target(file: string, name: string): string | null {
  const path = new URL(name, `file:///${file}`).pathname.slice(1);
  return [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`].find((one) => files.includes(one)) ?? null;
}

const imports = new Map(
  files.map((file) => [
    file,
    [...readFileSync(SRC + file, "utf8").matchAll(FROM)].map(([, name]) => target(file, name ?? "")).filter((one): one is string => one !== null),
  ]),
);
const edges = [...imports].flatMap(([file, targets]) => targets.map((one) => [file, one] as const));
const layer = (file: string): number => LAYERS.indexOf(file.split("/")[0]?.replace(/\.tsx?$/, "") ?? "");
const screen = (file: string): string | null => /^screens\/([^/]+)/.exec(file)?.[1] ?? null;

/** Every import that leads back to the file it began at, as a chain of files. */
function cycles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, chain: string[]): void => {
    if (chain.includes(file)) found.push([...chain.slice(chain.indexOf(file)), file].join(" > "));
    if (chain.includes(file) || done.has(file)) return;
    for (const one of imports.get(file) ?? []) visit(one, [...chain, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}

describe("the interface's sources", () => {
  it("are read by this test", () => {
    expect(edges.length).toBeGreaterThan(800);
  });

  it("lie in a folder of a known layer", () => {
    expect(files.filter((file) => layer(file) < 0 && !file.endsWith(".d.ts"))).toEqual([]);
  });

  it("import only from the layers below", () => {
    const wrong = edges.filter(([file, one]) => layer(one) < layer(file));
    expect(wrong.map((edge) => edge.join(" > "))).toEqual([]);
  });

  it("follow the font size that the browser is set to: neither texts nor the widths of layouts are in px", () => {
    const fixed = /font(?:-size)?:[^;{}]*\dpx|\((?:min|max)-width: *[\d.]+px/;
    expect(files.filter((file) => fixed.test(readFileSync(SRC + file, "utf8")))).toEqual([]);
  });

  it("have screens that do not import each other", () => {
    const wrong = edges.filter(([file, one]) => screen(file) && screen(one) && screen(file) !== screen(one));
    expect(wrong.map((edge) => edge.join(" > "))).toEqual([]);
  });

  it("have no import cycles", () => {
    expect(cycles()).toEqual([]);
  });
});
