/** What a person types into the time field, and the instants it can mean on a given day. */
import type { Day, Transition, Zone } from "./zone";

export interface TypedTime {
  hour: number;
  minute: number;
  second: number;
  turn: "first" | "second" | null;
}

export type Meant =
  | { is: "instant"; at_ms: number }
  | { is: "choice"; first_ms: number; second_ms: number }
  | { is: "skipped"; transition: Transition }
  | { is: "unreadable" };

const SPOKEN = /^(\d{1,2})(?:[:.h](\d{1,2})(?:[:.](\d{1,2}))?)?\s*(am|pm|a|p)?\s*(first|second)?$/;
const DIGITS = /^(\d{1,2})(\d{2})(\d{2})?\s*(am|pm|a|p)?\s*(first|second)?$/;

/** `1830`, `18:30`, `6:30pm`, `18:30:15`, `6pm`, `02:30 second`; null when it is no time of day. */
export function parseTime(typed: string): TypedTime | null {
  const text = typed.trim().toLowerCase().replace(/\s+/g, " ");
  const found = /^\d{3,6}/.test(text) ? DIGITS.exec(text) : SPOKEN.exec(text);
  if (!found) return null;
  const [, hours = "", minutes = "0", seconds = "0", half, turn] = found;
  const hour = hourOf(Number(hours), half);
  const [minute, second] = [Number(minutes), Number(seconds)];
  if (hour === null || minute > 59 || second > 59) return null;
  return { hour, minute, second, turn: turn === "first" || turn === "second" ? turn : null };
}

/** The instant meant on that day of the recorder; a repeated time without a word about it is a choice. */
export function meantOn(zone: Zone, day: Day, typed: string): Meant {
  const time = parseTime(typed);
  if (!time) return { is: "unreadable" };
  const { year, month, day: date } = zone.local(day.begin_ms);
  const found = zone.instants({ year, month, day: date, ...time });
  if (found.is === "never") return { is: "skipped", transition: found.transition };
  if (found.is === "once") return { is: "instant", at_ms: found.at_ms };
  if (time.turn === null) return { is: "choice", first_ms: found.first_ms, second_ms: found.second_ms };
  return { is: "instant", at_ms: time.turn === "first" ? found.first_ms : found.second_ms };
}

function hourOf(hours: number, half: string | undefined): number | null {
  if (half === undefined) return hours <= 23 ? hours : null;
  if (hours < 1 || hours > 12) return null;
  return (hours % 12) + (half.startsWith("p") ? 12 : 0);
}
