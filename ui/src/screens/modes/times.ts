/** Times of the week, as `tawny.toml` has them, taken apart for editing and put together again. */
import type { ArmPlan } from "../../api/schema";
import { locale } from "../../strings/language";
import { modes as words } from "../../strings/modes";
import { clockText } from "../../ui/clockText";

const { table: w } = words;

export interface Stretch {
  /** 0 is Monday; empty: every day. */
  days: readonly number[];
  from: string;
  to: string;
}

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const MOMENT = "(?:\\d\\d:\\d\\d|(?:sunrise|sunset)(?:[+-]\\d+(?:min|m|h))?)";
const TIMES = new RegExp(`^(?:(.*?)\\s+)?(${MOMENT})\\s*-\\s*(${MOMENT})$`);

/** Null for what is not understood here: it is shown as it stands. */
export function stretchOf(text: string): Stretch | null {
  const found = TIMES.exec(text.trim().toLowerCase());
  if (!found) return null;
  const days = new Set<number>();
  for (const part of (found[1] ?? "").split(/[\s,]+/).filter(Boolean)) {
    const [first = "", last] = part.split("-");
    const begin = DAYS.indexOf(first as (typeof DAYS)[number]);
    const end = last === undefined ? begin : DAYS.indexOf(last as (typeof DAYS)[number]);
    if (begin < 0 || end < 0) return null;
    for (let step = 0; step <= (end - begin + 7) % 7; step++) days.add((begin + step) % 7);
  }
  return { days: days.size === 7 ? [] : [...days].sort(), from: found[2] ?? "", to: found[3] ?? "" };
}

export function stretchText({ days, from, to }: Stretch): string {
  const times = `${from}-${to}`;
  if (days.length === 0 || days.length === 7) return times;
  const sorted = [...days].sort();
  const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
  const inARow = sorted.length > 2 && last - first === sorted.length - 1;
  const names = inARow ? `${DAYS[first]}-${DAYS[last]}` : sorted.map((day) => DAYS[day]).join(" ");
  return `${names} ${times}`;
}

/** `600` is `10:00`. */
export function minuteText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** What is typed with commas between. */
export function several(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);
}

/** When a mode begins, in a few words: `23:00–06:30`, `when everyone has left`, `on schedule`, or `by hand`. */
export function startOf(mode: string, modes: ArmPlan): string {
  const times = modes.schedule?.[mode] ?? [];
  const only = times.length === 1 ? stretchOf(times[0] ?? "") : null;
  if (only && only.days.length === 0) return w.daily(momentText(only.from), momentText(only.to));
  if (times.length > 0) return w.onSchedule;
  const presence = modes.presence ?? {};
  const isLooked = Object.keys(presence.people ?? {}).length > 0 || [presence.ping, presence.mac, presence.mdns].some((one) => (one ?? []).length > 0);
  if (isLooked && (presence.automatic ?? true) && (presence.nobody || "away") === mode) return w.everyoneLeft;
  return mode === modes.names[0] ? w.otherwise : w.byHand;
}

function momentText(moment: string): string {
  const [hour, minute] = moment.split(":").map(Number);
  return /^\d\d:\d\d$/.test(moment) ? clockText(hour ?? 0, minute ?? 0) : moment;
}

/** The weekdays in the order of the reader's calendar: 0 is Monday. */
export function weekdays(): number[] {
  const region = new Intl.Locale(locale ?? navigator.language) as Intl.Locale & { weekInfo?: { firstDay: number }; getWeekInfo?: () => { firstDay: number } };
  const first = (region.getWeekInfo?.() ?? region.weekInfo)?.firstDay ?? 1;
  return [0, 1, 2, 3, 4, 5, 6].map((step) => (first - 1 + step) % 7);
}

/** What weekdays are called where the reader is: 0 is Monday. */
export function dayNames(style: "short" | "long"): string[] {
  const format = new Intl.DateTimeFormat(locale, { weekday: style, timeZone: "UTC" });
  return [0, 1, 2, 3, 4, 5, 6].map((day) => format.format(Date.UTC(2024, 0, 1 + day)));
}
