/** What search finds: things on the pages, and every key of the settings file with its value. */
import type { SettingKeyInfo, SettingsInfo, TableInstanceInfo } from "../../api/schema";
import { entries, synonyms } from "../../strings/settings-index";
import { ownPage, sectionOf } from "../../ui/settingPages";

export interface Found {
  section: string;
  title: string;
  /** The path in the file, or the camera that it belongs to; empty for a thing on a page. */
  where: string;
  value: string;
  href: string;
}

interface Indexed extends Found {
  head: string;
  all: string;
}

/** `min_free` is "Min free". */
export function keyWords(key: string): string {
  const words = key.replaceAll("_", " ").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function makeIndex(info: SettingsInfo | null, isOwner: boolean, names: ReadonlyMap<string, string>): Indexed[] {
  const things = entries
    .filter((one) => isOwner || !one.owner)
    .map((one) => ({ ...one, where: "", value: "", head: one.title.toLowerCase(), all: `${one.title} ${one.words}`.toLowerCase() }));
  return [...things, ...(isOwner && info ? keysOf(info, names) : [])];
}

function keysOf(info: SettingsInfo, names: ReadonlyMap<string, string>): Indexed[] {
  return info.tables.flatMap((table) => {
    const written = info.instances.filter((one) => one.table === table.path);
    const places: (TableInstanceInfo | null)[] = written.length > 0 ? written : [null];
    return places.flatMap((place) => table.keys.map((key) => entryOf(table.path, place, key, names)));
  });
}

function entryOf(table: string, place: TableInstanceInfo | null, key: SettingKeyInfo, names: ReadonlyMap<string, string>): Indexed {
  const at = place?.path ?? table;
  const path = at ? `${at}.${key.key}` : key.key;
  const named = at.startsWith("cameras.") ? (names.get(at.split(".")[1] ?? "") ?? "") : "";
  const value = shown(place?.written[key.key]?.value) || key.default;
  const title = keyWords(key.key);
  const href = (key.kind === "page" && ownPage(path)) || `/settings/all?key=${encodeURIComponent(path)}`;
  const head = `${title} ${path}`.toLowerCase();
  return { section: sectionOf(table), title, where: named ? `${named} · ${path}` : path, value, href, head, all: `${head} ${named} ${key.help} ${value}`.toLowerCase() };
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

const MOST = 60;

/** Every word must be found, itself or what it is called here; what says it in its name comes first. */
export function search(index: readonly Indexed[], query: string): { found: Found[]; count: number } {
  const words = query.toLowerCase().split(/[\s,]+/).filter(Boolean);
  if (words.length === 0) return { found: [], count: 0 };
  const ranked = index
    .map((one) => ({ one, rank: words.reduce((sum, word) => sum + rankOf(one, word), 0) }))
    .filter(({ rank }) => Number.isFinite(rank))
    .sort((a, b) => a.rank - b.rank);
  return { found: ranked.slice(0, MOST).map(({ one }) => one), count: ranked.length };
}

function rankOf(one: Indexed, word: string): number {
  if (one.title.toLowerCase() === word) return 0;
  if (one.head.startsWith(word)) return 1;
  if (one.head.includes(word)) return 2;
  if (one.all.includes(word)) return 3;
  const others = (synonyms[word] ?? "").split(" ").filter(Boolean);
  if (others.some((other) => one.head.includes(other))) return 4;
  return others.some((other) => one.all.includes(other)) ? 5 : Number.POSITIVE_INFINITY;
}
