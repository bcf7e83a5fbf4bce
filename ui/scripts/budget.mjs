// Holds what `vite build` and compress.mjs made to its budget: what the recorder sends for a first visit of Live over
// http, each lazy screen, and all of it.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";

const folder = new URL("../../src/tawny/api/static/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", folder), "utf8"));
const KB = 1000;
/** A lazy part may have 40 kB; the limits of the whole exist so that growth is noticed, as nobody loads all of it. */
const LAZY = 40 * KB;
/** Their texts come with them instead of with the first load, which has 5 kB less for it. */
const LARGER = {
  Events: 42 * KB,
  /** It has the player of recordings, which goes by several cameras, speeds, browsers, slow lines, turned cameras, and holes in what they sent. */
  Timeline: 45.6 * KB,
};
/** Over http a browser accepts gzip, if compress.mjs found it worth while. */
const sent = (file) => [`${file}.gz`, file].map((name) => new URL(name, folder)).find((path) => existsSync(path));
const sum = (files) => files.reduce((all, file) => all + statSync(sent(file)).size, 0);

/** A chunk and all that it needs before it can run. */
function withImports(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) withImports(next, seen);
  return seen;
}
const scripts = (keys) => keys.map((key) => manifest[key].file).filter((file) => file.endsWith(".js"));
const styles = (keys) => [...new Set(keys.flatMap((key) => manifest[key].css ?? []))];

const [entry] = Object.keys(manifest).filter((key) => manifest[key].isEntry);
/** What the page starts with: `main.ts` and what it imports as soon as it knows the language. */
const first = [...new Set([entry, ...(manifest[entry].dynamicImports ?? [])].flatMap((key) => [...withImports(key)]))];
/** What comes later, with what the page that asks for it has loaded already. */
const later = first.flatMap((key) => lazyOf(key, first));

function lazyOf(key, loaded) {
  return (manifest[key].dynamicImports ?? []).flatMap((next) => {
    const all = [...new Set([...loaded, ...withImports(next)])];
    return [{ key: next, loaded }, ...[...withImports(next)].flatMap((part) => (loaded.includes(part) ? [] : lazyOf(part, all)))];
  });
}
const sized = readdirSync(new URL("assets/", folder))
  .filter((name) => !/\.(woff2|br|gz|txt)$/.test(name)) // licences are text that a click in Settings opens
  .map((name) => statSync(new URL(`assets/${name}`, folder)).size);
const asset = (end) => readdirSync(new URL("assets/", folder)).filter((name) => name.endsWith(end)).map((name) => `assets/${name}`);

const rows = [
  ["first load, scripts", sum(scripts(first)), 48 * KB], // at most 60 before the first picture; each lazy part adds its address, about 50 bytes
  ["first load, styles", sum(styles(first)), 12 * KB],
  ["font", asset(".woff2").reduce((all, file) => all + statSync(new URL(file, folder)).size, 0), 21 * KB],
  ["icons", sum(asset(".svg").filter((file) => file.includes("/icons-"))), 8 * KB],
  ...later.map(({ key, loaded }) => {
    const more = [...withImports(key)].filter((each) => !loaded.includes(each));
    return [`${manifest[key].name}, scripts and styles`, sum(scripts(more)) + sum(styles(more)), LARGER[manifest[key].name] ?? LAZY];
  }),
  // Screens of settings come when they are opened, and are never all loaded: each is held to its own budget above.
  // 10 kB more since parts are searched, cleared and loaded again where they were shown as they had been; 5 kB since the
  // page goes on where connections die without a word, and works in browsers without popovers; 5 kB since two people's
  // changes of a page, a phone's camera in two tabs and a failed sign-out are noticed.
  ["all of it, uncompressed, without font and licences", sized.reduce((all, size) => all + size, 0), 1335 * KB],
];

let over = 0;
const told = new Set();
for (const [name, size, limit] of rows) {
  if (told.has(`${name} ${size}`)) continue; // asked for from several places, with the same to load
  told.add(`${name} ${size}`);
  if (size > limit) over += 1;
  console.log(`${size > limit ? "OVER " : "     "}${(size / KB).toFixed(1).padStart(6)} of ${limit / KB} kB  ${name}`);
}
if (over > 0) {
  console.error(`${over} over budget: load less at first, or say in scripts/budget.mjs why more is right.`);
  process.exit(1);
}
