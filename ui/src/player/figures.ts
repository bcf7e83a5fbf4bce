/** Which figures belong to a picture, and how they are written. Pure. */
import type { Figure, TawnyEvent } from "../api/types";

/** Age from which a figure no longer describes a picture, and the same for its boxes. */
export const FRESH_MS = 1_200;
const BOX_MS = 400;
const DIGITS = 6;
const MOST = 10 ** DIGITS - 1;

export type Clip = [begin_ms: number, end_ms: number];

/** The newest figure at or before this instant; if there is none, the first one: its level still holds. */
export function figureAt(figures: readonly Figure[], at_ms: number): Figure | null {
  let [low, high] = [0, figures.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((figures[middle]?.at_ms ?? 0) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return figures[low - 1] ?? figures[0] ?? null;
}

/** The figure whose boxes belong to this instant, from its frame on: a thing is not boxed before it is there. */
export function boxedAt(figures: readonly Figure[], at_ms: number): Figure | null {
  const figure = figureAt(figures, at_ms);
  return figure && at_ms >= figure.at_ms && at_ms - figure.at_ms <= BOX_MS ? figure : null;
}

/** `000742/000400`. */
export function figuresText(figure: Figure, at_ms: number): string {
  const age_ms = at_ms - figure.at_ms;
  return `${digits(age_ms >= 0 && age_ms <= FRESH_MS ? figure.number : 0)}/${digits(figure.level)}`;
}

function digits(value: number): string {
  const whole = Number.isInteger(value) || value >= 100;
  return (whole ? String(Math.min(Math.round(value), MOST)) : value.toFixed(2)).padStart(DIGITS, "0");
}

/** Whether an event's clip holds this instant. */
export function isInClip(clips: readonly Clip[], at_ms: number): boolean {
  return clips.some(([begin_ms, end_ms]) => at_ms >= begin_ms && at_ms < end_ms);
}

/** The clips of a camera's events; that of an event that goes on has no end yet. */
export function clipsOf(events: readonly TawnyEvent[], camera: string, rolls: { pre_s: number; post_s: number }): Clip[] {
  return events
    .filter((event) => event.camera === camera)
    .map(({ start_ms, end_ms }) => [start_ms - rolls.pre_s * 1000, end_ms === null ? Infinity : end_ms + rolls.post_s * 1000]);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-11-20 06:58:12.345`, by the recorder's clock. */
export function recorderTime(at_ms: number, zone: string): string {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: zone });
    formats.set(zone, format);
  }
  const ms = Math.round(at_ms);
  return `${format.format(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, "0")}`;
}
