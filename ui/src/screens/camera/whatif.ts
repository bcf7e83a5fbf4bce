/**
 * What another level would have done with a day, from its stored scores: as the recorder works it out, so that moving
 * the level asks for nothing.
 */
import type { TawnyEvent } from "../../api/types";

export const UNKNOWN = 255;
const JOIN_S = 5;
const NEAR_MS = 3_000;
const MOVING = new Set(["motion", "person", "vehicle", "animal"]);

export interface Day {
  begin_ms: number;
  /** A byte a second. */
  scores: Uint8Array;
  /** Those that began in it and are movements, newest first, each with its greatest score; null where none is known. */
  events: readonly { event: TawnyEvent; peak: number | null }[];
}

export interface WouldBe {
  start_ms: number;
  end_ms: number;
  score: number;
}

export interface WouldHave {
  still: TawnyEvent[];
  missed: TawnyEvent[];
  newly: WouldBe[];
  unknown: TawnyEvent[];
}

export function makeDay(begin_ms: number, scores: Uint8Array, all: readonly TawnyEvent[]): Day {
  const end_ms = begin_ms + scores.length * 1000;
  const events = all
    .filter((event) => MOVING.has(event.type) && event.start_ms >= begin_ms && event.start_ms < end_ms)
    .map((event) => ({ event, peak: peakOf(event, begin_ms, scores) }));
  return { begin_ms, scores, events };
}

function peakOf(event: TawnyEvent, begin_ms: number, scores: Uint8Array): number | null {
  const first = Math.max(0, Math.floor(event.start_ms / 1000) - begin_ms / 1000);
  const last = Math.min(
    scores.length - 1,
    event.end_ms === null ? scores.length : Math.floor(event.end_ms / 1000) - begin_ms / 1000,
  );
  let peak: number | null = null;
  for (let at = first; at <= last; at++) {
    const score = scores[at] as number;
    if (score !== UNKNOWN && (peak === null || score > peak)) peak = score;
  }
  return peak;
}

export function whatIf(day: Day, level: number, inUse: number): WouldHave {
  const made: WouldHave = { still: [], missed: [], newly: [], unknown: [] };
  for (const { event, peak } of day.events)
    (peak === null ? made.unknown : peak >= level || level <= inUse ? made.still : made.missed).push(event);
  if (level < inUse) made.newly = newly(day, level);
  return made;
}

function newly(day: Day, level: number): WouldBe[] {
  const found: WouldBe[] = [];
  let first = -1;
  let last = -1;
  let most = 0;
  const close = () => {
    if (first < 0) return;
    const span = { start_ms: day.begin_ms + first * 1000, end_ms: day.begin_ms + (last + 1) * 1000, score: most };
    if (!day.events.some(({ event }) => touches(event, span))) found.push(span);
  };
  for (let at = 0; at < day.scores.length; at++) {
    const score = day.scores[at] as number;
    if (score < level || score === UNKNOWN) continue;
    if (first < 0 || at - last > JOIN_S) {
      close();
      first = at;
      most = 0;
    }
    last = at;
    most = Math.max(most, score);
  }
  close();
  return found;
}

function touches(event: TawnyEvent, span: WouldBe): boolean {
  const end_ms = event.end_ms ?? span.end_ms;
  return event.start_ms <= span.end_ms + NEAR_MS && end_ms >= span.start_ms - NEAR_MS;
}

/** The greatest score of each of so many equal parts of the day; null where nobody looked. */
export function buckets(scores: Uint8Array, count: number): (number | null)[] {
  const made: (number | null)[] = [];
  for (let bucket = 0; bucket < count; bucket++) {
    let most: number | null = null;
    const end = Math.floor(((bucket + 1) * scores.length) / count);
    for (let at = Math.floor((bucket * scores.length) / count); at < end; at++) {
      const score = scores[at] as number;
      if (score !== UNKNOWN && (most === null || score > most)) most = score;
    }
    made.push(most);
  }
  return made;
}
