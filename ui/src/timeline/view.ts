/** Which stretch of time is on the screen. A View is a value; moving makes another. */
import type { Day } from "./zone";

export interface View {
  begin_ms: number;
  end_ms: number;
  /** CSS pixels the stretch is drawn over. */
  width: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const SHORTEST_MS = MINUTE_MS;
export const LONGEST_MS = 25 * HOUR_MS;

export type Preset = "day" | "6h" | "1h" | "10min";
export const PRESET_MS: Record<Exclude<Preset, "day">, number> = {
  "6h": 6 * HOUR_MS,
  "1h": HOUR_MS,
  "10min": 10 * MINUTE_MS,
};

export const spanOf = (view: View): number => view.end_ms - view.begin_ms;

export function xOf(view: View, at_ms: number): number {
  return ((at_ms - view.begin_ms) / spanOf(view)) * view.width;
}

export function timeAt(view: View, x: number): number {
  return view.begin_ms + (x / view.width) * spanOf(view);
}

/** Factor below 1 comes closer. The instant under x stays under x, unless the view would fill with future. */
export function zoomAt(view: View, x: number, factor: number, now_ms: number): View {
  const span = clamp(spanOf(view) * factor, SHORTEST_MS, LONGEST_MS);
  const fixed_ms = timeAt(view, x);
  const begin_ms = fixed_ms - (x / view.width) * span;
  return notAhead({ ...view, begin_ms, end_ms: begin_ms + span }, view, now_ms);
}

/** Positive dx shows earlier time, as when the content is dragged to the right. */
export function panBy(view: View, dx: number, now_ms: number): View {
  const by_ms = (dx / view.width) * spanOf(view);
  return notAhead({ ...view, begin_ms: view.begin_ms - by_ms, end_ms: view.end_ms - by_ms }, view, now_ms);
}

/** So much of the width may lie after now: room for what is coming. */
const AHEAD = 0.2;

/** Moved back where more than a fifth would be future. A whole day, which shows more of it, need not jump: it gets no more. */
export function notAhead(next: View, before: View, now_ms: number): View {
  const span = spanOf(next);
  const share = Math.max(AHEAD, (before.end_ms - now_ms) / spanOf(before));
  const end_ms = Math.min(next.end_ms, now_ms + share * span);
  return end_ms === next.end_ms ? next : { ...next, begin_ms: end_ms - span, end_ms };
}

/** Zoom around now where it is in sight, else around the middle, up to `last_ms`. At most a fifth of a closer view is future:
 * early in the day, a view around now would show little else. */
export function zoomAround(view: View, factor: number, now_ms: number, last_ms: number): View {
  const x = xOf(view, now_ms);
  const sees = x > 0 && x < view.width;
  const next = zoomAt(view, sees ? x : view.width / 2, factor, last_ms);
  return sees && factor < 1 ? notAhead(next, { ...next, end_ms: now_ms }, now_ms) : next;
}

/** The same length of time with this instant at a fraction of the width. */
export function placing(view: View, at_ms: number, fraction: number, span = spanOf(view)): View {
  const begin_ms = at_ms - span * fraction;
  return { ...view, begin_ms, end_ms: begin_ms + span };
}

/** A preset around an instant; near the live edge the rest of the width stays for what is coming. */
export function presetAround(view: View, preset: Preset, at_ms: number, day: Day, now_ms: number): View {
  if (preset === "day") return { ...view, begin_ms: day.begin_ms, end_ms: day.end_ms };
  const span = PRESET_MS[preset];
  const begin_ms = Math.min(at_ms - span / 2, Math.max(now_ms - span * 0.8, at_ms - span * 0.8));
  return { ...view, begin_ms, end_ms: begin_ms + span };
}

/** What to begin with when recording began so long ago: the closest that shows all of it, at most six hours. */
export function presetFor(age_ms: number): "6h" | "1h" | "10min" {
  const fits = (preset: "1h" | "10min") => age_ms <= PRESET_MS[preset] * 0.8;
  if (fits("10min")) return "10min";
  return fits("1h") ? "1h" : "6h";
}

export function presetOf(view: View, day: Day): Preset | null {
  if (Math.abs(view.begin_ms - day.begin_ms) < 1000 && Math.abs(view.end_ms - day.end_ms) < 1000) return "day";
  const found = Object.entries(PRESET_MS).find(([, span]) => Math.abs(span - spanOf(view)) < 500);
  return found ? (found[0] as Preset) : null;
}

/** While playing, the page turns when the playhead passes 80 %; afterwards it stands at 15 %, or near now further right. */
export function paged(view: View, playhead_ms: number, now_ms: number): View {
  const x = xOf(view, playhead_ms) / view.width;
  return x > 0.8 && x < 1.5 ? notAhead(placing(view, playhead_ms, 0.15), view, now_ms) : view;
}

/** Following the live edge: the page slides so late that it seldom does. */
export function followingLive(view: View, playhead_ms: number): View {
  const x = xOf(view, playhead_ms) / view.width;
  return x > 0.92 && x < 1.5 ? placing(view, playhead_ms, 0.8) : view;
}

/** The view that shows an instant without moving when it is there already. */
export function revealing(view: View, at_ms: number, now_ms: number): View {
  const x = xOf(view, at_ms) / view.width;
  return x >= 0.02 && x <= 0.98 ? view : notAhead(placing(view, at_ms, 0.5), view, now_ms);
}

export const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
