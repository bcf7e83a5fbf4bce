/**
 * Times, lengths and sizes in words. Instants are milliseconds in UTC; what people read is the wall clock where the
 * recorder stands, which is not always where the browser is.
 */
import { signal } from "@preact/signals";
import { get } from "../api/client";
import type { ZoneInfo } from "../api/types";
import { serverNow } from "../api/state";
import { plural, t } from "../strings";
import { isRightToLeft, locale } from "../strings/language";
import { clockText } from "./clockText";

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The recorder's time zone; the browser's until it is known. */
export const zone = signal(here);

const DAY_MS = 86_400_000;
const HALF_YEAR_MS = 15_768_000_000;

/** Whether the recorder's clock shows another time than the browser's, now or in half a year. */
export function zoneIsElsewhere(): boolean {
  const now = serverNow();
  return zone.value !== here && [now, now + HALF_YEAR_MS].some((ms) => offset(ms) !== offset(ms, here));
}

export async function loadZone(): Promise<void> {
  const now = serverNow();
  const info = await get<ZoneInfo>("/time", { from_ms: Math.round(now), to_ms: Math.round(now + 1) });
  setZone(info.zone);
}

export function setZone(name: string): void {
  zone.value = usable(name) ? name : here;
}

function usable(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options) + zone.value;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone.value });
    formats.set(key, made);
  }
  return made;
}

/** The recorder's wall clock as a date whose fields are read in UTC. */
export const wall = (ms: number): Date => new Date(ms + offset(ms));

/** `2026-11-20`, the recorder's date. */
export function dayKey(ms: number): string {
  return wall(ms).toISOString().slice(0, 10);
}

/**
 * `20:46` or `8:46 PM`, to be shown: from right to left it is isolated, or what follows would go between its parts.
 * `2:30 AM second` inside a repeated hour.
 */
export function clock(ms: number): string {
  const at = wall(ms);
  const text = clockText(at.getUTCHours(), at.getUTCMinutes());
  return withTurn(ms, isRightToLeft ? `\u2068${text}\u2069` : text);
}

/** `20:46:02`. */
export function clockSeconds(ms: number): string {
  const at = wall(ms);
  return withTurn(ms, clockText(at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()));
}

function withTurn(ms: number, text: string): string {
  if (offset(ms - DAY_MS) === offset(ms + DAY_MS)) return text;
  const [first, second = first] = instantsOf(ms + offset(ms));
  return first === second ? text : `${text} ${ms === first ? t.times.first : t.times.second}`;
}

/** `Sat, Nov 21` or `Sat, 21 Nov`, with the year when it is another one. */
export function date(ms: number): string {
  const other = wall(ms).getUTCFullYear() !== wall(serverNow()).getUTCFullYear();
  return format({ weekday: "short", day: "numeric", month: "short", ...(other && { year: "numeric" }) }).format(ms);
}

/** The recorder's date, looked at each minute. */
const today = signal("");
setInterval(() => (today.value = dayKey(serverNow())), 60_000);

/** Whole days from the recorder's date of `ms` to its date now: 0 today, 1 yesterday. */
export function daysAgo(ms: number): number {
  void today.value; // what shows it follows after midnight
  return (Date.parse(dayKey(serverNow())) - Date.parse(dayKey(ms))) / DAY_MS;
}

/** `Today`, `Yesterday`, or the weekday and date. */
export function day(ms: number): string {
  const ago = daysAgo(ms);
  return ago === 0 ? t.times.today : ago === 1 ? t.times.yesterday : date(ms);
}

/** `20:46` today, `yesterday 20:46`, `Sat, 21 Nov, 20:46`. */
export function when(ms: number): string {
  const ago = daysAgo(ms);
  if (ago === 0) return clock(ms);
  return ago === 1 ? t.times.yesterdayAt(clock(ms)) : t.times.dateAt(date(ms), clock(ms));
}

/** `24 s`, `2 min 16 s`, `6 h 45 min`, `3 days`. */
export function length(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return t.times.seconds(s);
  const min = Math.floor(s / 60);
  if (min < 10 && s % 60 !== 0) return `${t.times.minutes(min)} ${t.times.seconds(s % 60)}`;
  if (min < 60) return t.times.minutes(min);
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 === 0 ? t.times.hours(h) : `${t.times.hours(h)} ${t.times.minutes(min % 60)}`;
  return plural(Math.floor(h / 24), t.times.days);
}

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `398 GB`, `4.99 TB` or `4,99 TB`: decimal, three figures. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toLocaleString(locale, { maximumSignificantDigits: 3 })} ${UNITS[unit]}`;
}

/** `1.2` or `1,2`. */
export const decimal = (value: number): string => value.toLocaleString(locale, { maximumFractionDigits: 1 });

/** `98.6%`; only what is whole reads 100. */
export function percent(share: number): string {
  const value = share >= 1 ? 100 : Math.min(99.9, Math.max(0, share * 100));
  return `${decimal(value)}%`;
}

/** The first and the last moment (not included) of a day such as `2026-11-20` at the recorder: 23, 24 or 25 hours. */
export function dayBounds(day: string): { begin_ms: number; end_ms: number } {
  const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
  return { begin_ms: instantOf(Date.UTC(year, month - 1, date)), end_ms: instantOf(Date.UTC(year, month - 1, date + 1)) };
}

/** The instant at which the recorder's wall clock shows what UTC shows at `wall_ms`; the first, where it does so twice. */
export function instantOf(wall_ms: number): number {
  // Where the clock skips this time, the offset before the gap gives an instant after it.
  return instantsOf(wall_ms)[0] ?? wall_ms - offset(wall_ms - DAY_MS);
}

/** By the offsets before and after: twice the same one, as a rule. None of a time that the clock skips. */
export function instantsOf(wall_ms: number): number[] {
  return [-DAY_MS, DAY_MS].map((by) => wall_ms - offset(wall_ms + by)).filter((ms) => ms + offset(ms) === wall_ms);
}

const wallClocks = new Map<string, Intl.DateTimeFormat>();

/** How far the wall clock of a time zone is ahead of UTC at an instant, in milliseconds. */
function offset(ms: number, where = zone.value): number {
  let made = wallClocks.get(where);
  if (!made) {
    made = new Intl.DateTimeFormat("en-US", {
      timeZone: where,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    wallClocks.set(where, made);
  }
  const parts = made.formatToParts(ms).map(({ type, value }) => [type, Number(value)]);
  const { year, month, day, hour, minute, second } = Object.fromEntries(parts) as Record<Intl.DateTimeFormatPartTypes, number>;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
}
