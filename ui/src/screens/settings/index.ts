/** What search finds: things on the pages, and every key of the settings file with its value. */
import type { SettingKeyInfo, SettingsInfo, TableInstanceInfo } from "../../api/schema";
import { things } from "../../strings/settings-index";
import { ownPage, sectionOf, settingsOf } from "../../ui/settingPages";

/** Each thing, its section and address; the last: only owners have it. */
const PLACES: readonly (readonly [keyof typeof things, string, string, boolean])[] = [
  ["cameras", "cameras", "/settings/cameras", false],
  ["addACamera", "cameras", "/settings/add-camera", true],
  ["modelForObjectDetection", "detection", "/settings/detection#models-title", true],
  ["knownFacesAndPlates", "detection", "/settings/detection#known-title", true],
  ["notificationsOnThisDevice", "notifications", "/settings/notifications#push-title", false],
  ["snooze", "notifications", "/settings/notifications", false],
  ["notificationChannels", "notifications", "/settings/notifications", true],
  ["quietHours", "notifications", "/settings/notifications", true],
  ["uploads", "notifications", "/settings/notifications", true],
  ["retention", "storage", "/settings/storage#asked-title", true],
  ["doesItFit", "storage", "/settings/storage#promise-title", true],
  ["deleteAllRecordings", "storage", "/settings/storage#delete-title", true],
  ["keptEvents", "storage", "/settings/storage#locked-title", true],
  ["modes", "modes", "/settings/modes", true],
  ["schedule", "modes", "/settings/modes", true],
  ["presence", "modes", "/settings/modes", true],
  ["rules", "modes", "/settings/modes", true],
  ["people", "people", "/settings/people", true],
  ["wallScreens", "people", "/settings/people", true],
  ["accessLog", "people", "/settings/people", true],
  ["encryptedRecordings", "encryption", "/settings/encryption", false],
  ["secureAddress", "address", "/settings/address", true],
  ["displaysAndApps", "integrations", "/settings/integrations#passes-title", true],
  ["joinAHub", "hub", "/settings/hub", true],
  ["standby", "standby", "/settings/standby", true],
  ["restartTawny", "system", "/settings/system#actions-title", true],
  ["stopRecording", "system", "/settings/system#actions-title", true],
  ["shutDown", "system", "/settings/system#actions-title", true],
  ["update", "system", "/settings/system#update-title", true],
  ["backup", "system", "/settings/system#backup-title", true],
  ["restoreABackup", "system", "/settings/system#backup-title", true],
  ["checkThisComputer", "system", "/settings/system#check-title", true],
  ["diagnosticsForOthers", "system", "/settings/system#bundle-title", true],
  ["log", "system", "/settings/system#log-title", true],
  ["theme", "look", "/settings/look#look-title", false],
  ["language", "look", "/settings/look#look-title", false],
  ["keyboardShortcuts", "look", "/settings/look#look-title", false],
  ["about", "look", "/settings/look#about-title", false],
  ["password", "account", "/settings/account", false],
  ["passkeys", "account", "/settings/account", false],
  ["twostepCodes", "account", "/settings/account", false],
  ["whereYouAreSignedIn", "account", "/settings/account", false],
  ["sharedLinks", "links", "/settings/links", false],
];

/** What people type that no thing has among its words, and what it is called here; in other languages, the words of things say it. */
const synonyms: Readonly<Record<string, string>> = {
  wifi: "network address onvif camera",
  wlan: "network address onvif camera",
  alarm: "notification alert problem",
  siren: "relay notification",
  alert: "notification",
  notify: "notification",
  ssl: "secure certificate",
  tls: "secure certificate",
  login: "sign password",
  logout: "sign",
  hdd: "disk storage",
  ssd: "disk storage",
  nas: "upload storage disk",
  sensitivity: "threshold",
  mic: "sound audio",
  microphone: "sound audio",
  audio: "sound",
  flip: "mirror rotate",
  gdpr: "retention privacy encrypt",
  port: "listen address",
  homeassistant: "mqtt home assistant",
  hass: "mqtt home assistant",
  shutdown: "shut down",
  timezone: "time",
  latency: "webrtc live",
};

export interface Found {
  section: string;
  title: string;
  /** The path in the file, or the camera that it belongs to; empty for a thing on a page and for a camera. */
  where: string;
  /** What a key means, in English. */
  help?: string;
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
  const onPages = PLACES.filter(([, , , owner]) => isOwner || !owner).map(([name, section, href]) => {
    const { title, words } = things[name];
    return { section, title, href, where: "", value: "", head: title.toLowerCase(), all: `${title} ${words}`.toLowerCase() };
  });
  return [...onPages, ...[...names].map(([id, name]) => cameraOf(id, name, isOwner)), ...(isOwner && info ? keysOf(info, names) : [])];
}

function cameraOf(id: string, name: string, isOwner: boolean): Indexed {
  const head = `${name} ${id}`.toLowerCase();
  return { section: "cameras", title: name, where: "", value: "", href: settingsOf(id, isOwner), head, all: head };
}

function keysOf(info: SettingsInfo, names: ReadonlyMap<string, string>): Indexed[] {
  const asked = info.tables.filter((table) => !table.path.startsWith("removed_cameras.")); // tawny alone writes those
  return asked.flatMap((table) => {
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
  return { section: sectionOf(table), title, where: named ? `${named} · ${path}` : path, help: key.help, value, href, head, all: `${head} ${named} ${key.help} ${value}`.toLowerCase() };
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

const MOST = 60;

const isInFileOnly = (one: Found) => Number(one.href.startsWith("/settings/all"));

/** Every word must be found, itself or what it is called here. First what is called so, and of that, pages before keys of the file. */
export function search(index: readonly Indexed[], query: string): { found: Found[]; count: number } {
  const words = query.toLowerCase().split(/[\s,]+/).filter(Boolean);
  if (words.length === 0) return { found: [], count: 0 };
  const ranked = index
    .map((one) => ({ one, isKey: Number(one.where !== ""), rank: words.reduce((sum, word) => sum + rankOf(one, word), 0) }))
    .filter(({ rank }) => Number.isFinite(rank))
    .map((one) => ({ ...one, isOther: Number(one.rank > words.length) }))
    .sort((a, b) => a.isOther - b.isOther || a.isKey - b.isKey || a.rank - b.rank || isInFileOnly(a.one) - isInFileOnly(b.one));
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
