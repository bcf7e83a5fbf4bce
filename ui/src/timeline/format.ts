/** Times of day and dates in words, in the recorder's zone. Nothing here reads a clock. */
import { clockText } from "../ui/clockText";
import { axis as words } from "../strings/axis";
import type { LocalTime, Zone } from "./zone";

/** "20:31" or "8:31 PM"; "02:30 second" inside a repeated hour. */
export function clockMinute(zone: Zone, at_ms: number): string {
  return withTurn(zone, at_ms, clockOf(zone, zone.local(at_ms), false));
}

/** "20:31:42" or "8:31:42 PM"; "02:30:00 first" inside a repeated hour. */
export function clockSecond(zone: Zone, at_ms: number): string {
  return withTurn(zone, at_ms, clockBare(zone, at_ms));
}

/** "20:31–20:38", "8:31–8:38 PM" or "11:58 AM–12:04 PM". */
export function clockSpan(zone: Zone, begin_ms: number, end_ms: number): string {
  const [begin, end] = [clockMinute(zone, begin_ms), clockMinute(zone, end_ms)];
  const half = / [AP]M$/.exec(end)?.[0];
  return `${half && begin.endsWith(half) ? begin.slice(0, -half.length) : begin}–${end}`;
}

/** As `clockSecond`, without a word about a repeated hour. */
export function clockBare(zone: Zone, at_ms: number): string {
  return clockOf(zone, zone.local(at_ms), true);
}

export type DateStyle = "bare" | "short";

const DATES: Record<DateStyle, Intl.DateTimeFormatOptions> = {
  bare: { day: "numeric", month: "short" },
  short: { weekday: "short", day: "numeric", month: "short" },
};

/** "13 Jun" or "Sat, 13 Jun", in the locale's own order. */
export function dayName(zone: Zone, at_ms: number, style: DateStyle): string {
  const { year, month, day } = zone.local(at_ms);
  return formatOf(zone.look.locale, style).format(Date.UTC(year, month - 1, day));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(locale: string | undefined, style: DateStyle): Intl.DateTimeFormat {
  const key = `${locale} ${style}`;
  const found = formats.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...DATES[style] });
  formats.set(key, found);
  return found;
}

function clockOf(zone: Zone, { hour, minute, second }: LocalTime, seconds: boolean): string {
  return clockText(hour, minute, seconds ? second : null, zone.look.hour12);
}

function withTurn(zone: Zone, at_ms: number, label: string): string {
  const turn = zone.turn(at_ms);
  return turn === null ? label : `${label} ${words[turn]}`;
}

/** The type of an event. */
export const kindWord = (kind: string): string => words.kinds[kind] ?? words.kinds["motion"] ?? kind;
