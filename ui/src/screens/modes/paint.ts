/** Painting a part of the week with a mode: what was there gives way, whole times stay whole. */
import { minuteText, stretchOf, stretchText } from "./times";

const DAY_MIN = 1440;
const WEEK_MIN = 7 * DAY_MIN;

type Times = Readonly<Record<string, readonly string[]>>;

/**
 * The week after `mode` was painted from `from` to `to` (minutes of a day, 0 is Monday). The first mode is what is on
 * where no other is: painting with it takes the others away. Times by the sun are kept as they are.
 */
export function painted(week: Times, modes: readonly string[], mode: string, day: number, from: number, to: number) {
  const made: Record<string, string[]> = {};
  for (const each of modes) {
    const times = week[each] ?? [];
    const fixed = times.map(minutesOf);
    const on = new Uint8Array(WEEK_MIN);
    for (const stretch of fixed) for (const [begin, end] of stretch ?? []) fill(on, begin, end, 1);
    const isBrush = each === mode && each !== modes[0];
    fill(on, day * DAY_MIN + from, day * DAY_MIN + to, isBrush ? 1 : 0);
    const kept = times.filter((_, index) => fixed[index] === null);
    const all = [...kept, ...texts(on)];
    if (all.length > 0) made[each] = all;
  }
  return made;
}

function fill(on: Uint8Array, begin: number, end: number, value: number): void {
  for (let minute = begin; minute < end; minute++) on[minute % WEEK_MIN] = value;
}

/** Begin and end of a time on each of its days, in minutes of the week; null for what the sun decides. */
function minutesOf(text: string): [number, number][] | null {
  const read = stretchOf(text);
  const [from, to] = [minute(read?.from), minute(read?.to)];
  if (!read || from === null || to === null) return null;
  const days = read.days.length > 0 ? read.days : [0, 1, 2, 3, 4, 5, 6];
  return days.map((day) => [day * DAY_MIN + from, day * DAY_MIN + to + (to <= from ? DAY_MIN : 0)]);
}

function minute(text: string | undefined): number | null {
  const found = /^(\d\d):(\d\d)$/.exec(text ?? "");
  return found ? Number(found[1]) * 60 + Number(found[2]) : null;
}

/** Days with the same begin and end are one time. */
function texts(on: Uint8Array): string[] {
  const days = new Map<string, number[]>();
  for (const [begin, end] of runs(on)) {
    const times = `${minuteText(begin % DAY_MIN)}-${end % DAY_MIN === 0 ? "24:00" : minuteText(end % DAY_MIN)}`;
    days.set(times, [...(days.get(times) ?? []), Math.floor(begin / DAY_MIN) % 7]);
  }
  return [...days].map(([times, which]) => {
    const [from = "", to = ""] = times.split("-");
    return stretchText({ days: which.length === 7 ? [] : which, from, to });
  });
}

/** Where it is on, each at most a day long: over midnight in one piece, longer ones cut at midnights. */
function runs(on: Uint8Array): [number, number][] {
  const first = on.indexOf(0);
  if (first < 0) return Array.from({ length: 7 }, (_, day) => [day * DAY_MIN, (day + 1) * DAY_MIN]);
  const found: [number, number][] = [];
  for (let at = first; at < first + WEEK_MIN; at++) {
    if (!on[at % WEEK_MIN]) continue;
    const begin = at;
    while (on[at % WEEK_MIN]) at++;
    found.push(...(at - begin < DAY_MIN ? [[begin, at] as [number, number]] : cut(begin, at)));
  }
  return found;
}

function cut(begin: number, end: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = begin; at < end; ) {
    const next = Math.min(end, (Math.floor(at / DAY_MIN) + 1) * DAY_MIN);
    found.push([at, next]);
    at = next;
  }
  return found;
}
