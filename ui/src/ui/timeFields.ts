/** Times that people type are the recorder's, as those that pages show. */
import { dayBounds, dayKey, instantOf, instantsOf, wall } from "./times";

/** `2026-11-20T20:46` by the recorder's clock, as a `datetime-local` field has it. */
export function fieldTime(ms: number): string {
  return wall(ms).toISOString().slice(0, 16);
}

/** The instant that such a field means at the recorder; NaN for an empty one. */
export function fieldInstant(text: string): number {
  const wall_ms = Date.parse(`${text}Z`);
  return Number.isNaN(wall_ms) ? wall_ms : instantOf(wall_ms);
}

/** When the recorder's clock shows this time next, such as `07:30`, at least a minute from now. */
export function nextTime(time: string, now_ms: number): number {
  const today = dayKey(now_ms);
  const text = `${today}T${time}`;
  const soon_ms = now_ms + 60_000;
  const at_ms = fieldInstant(text);
  if (!(at_ms < soon_ms)) return at_ms;
  const again_ms = instantsOf(Date.parse(`${text}Z`)).find((ms) => ms >= soon_ms); // where clocks go back
  return again_ms ?? fieldInstant(`${dayKey(dayBounds(today).end_ms)}T${time}`);
}
