// Tells the service worker, after `vite build`, which public files it keeps and under which version, and puts the
// screenshots of docs/ beside the manifest. The version changes with any of these files, and old ones are then removed.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../../src/tawny/api/static/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", folder), "utf8"));
const [entry] = Object.values(manifest).filter((chunk) => chunk.isEntry);

function withImports(chunk, seen = new Set()) {
  if (seen.has(chunk)) return seen;
  seen.add(chunk);
  for (const next of chunk.imports ?? []) withImports(manifest[next], seen);
  return seen;
}
const chunks = [...withImports(entry)];
const first = new Set(chunks.flatMap((chunk) => [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]));
const files = ["offline.html", "offline.css", "offline.js", "favicon.svg", "icon-192.png", ...first].map((name) => `/${name}`);
const hash = createHash("sha256");
for (const file of files) hash.update(file).update(readFileSync(new URL(`.${file}`, folder)));

const worker = new URL("push.js", folder);
const code = readFileSync(worker, "utf8")
  .replace('const BUILD = "";', `const BUILD = "${hash.digest("hex").slice(0, 16)}";`)
  .replace("const SHELL = [];", `const SHELL = ${JSON.stringify(files)};`);
if (!code.includes(files[0])) throw new Error("push.js has no place for its files");
writeFileSync(worker, code);

for (const [image, name] of [["live", "wide"], ["phone", "narrow"]])
  copyFileSync(new URL(`../../docs/images/${image}.webp`, import.meta.url), new URL(`screenshot-${name}.webp`, folder));
