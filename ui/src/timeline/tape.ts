/** Phone: a vertical tape, newest on top, under a playhead that stands still 120 px below the top. */
import { motionBars } from "./bars";
import { type Damage, type Gap, type Happening, type Lane, type Span, isTold, within } from "./data";
import { type DrawList, type Item, type Measure, type Region, inkOfTone } from "./draw";
import { badgeOf, clusters } from "./layout";
import { type Tick, ticks } from "./ticks";
import { type View, clamp } from "./view";
import { axis as words } from "../strings/axis";
import type { Zone } from "./zone";

export const PLAYHEAD_PX = 120;
const BAND_LEFT = 60;
const BAND_PX = 26;
/** Pictures stand beside the band. */
export const FRAMES_LEFT = BAND_LEFT + BAND_PX + 4;
export const FRAME_PX = { width: 74, height: 42 };
const PIN_PX = 20;
const DAMAGE_PX = 6;
const CARD_PX = 64;
const CARD_APART = 4;
const SENTENCE_PX = 24;

export interface TapeView {
  /** The instant under the playhead. */
  playhead_ms: number;
  ms_per_px: number;
  width: number;
  height: number;
}

export const SHORTEST_MS_PER_PX = 60_000 / 400;
export const LONGEST_MS_PER_PX = 86_400_000 / 400;

export const yOf = (tape: TapeView, at_ms: number): number =>
  PLAYHEAD_PX + (tape.playhead_ms - at_ms) / tape.ms_per_px;

export const timeAtY = (tape: TapeView, y: number): number => tape.playhead_ms - (y - PLAYHEAD_PX) * tape.ms_per_px;

/** The shown stretch, newest first on the screen but begin before end as everywhere. */
export function shownSpan(tape: TapeView): Span {
  return [timeAtY(tape, tape.height), timeAtY(tape, 0)];
}

export interface Placed<T> {
  value: T;
  y: number;
}

export interface Tape extends DrawList {
  cards: Placed<Happening>[];
  gaps: Placed<Gap>[];
}

export function tapeLayout(tape: TapeView, lane: Lane, now_ms: number, zone: Zone, measure: Measure): Tape {
  const [begin_ms, end_ms] = shownSpan(tape);
  const gaps = lane.gaps.filter((gap) => gap.begin_ms < end_ms && (gap.end_ms ?? now_ms) > begin_ms);
  const shown = lane.events.filter((event) => event.start_ms < end_ms && event.start_ms > begin_ms);
  const sentences = told(tape, gaps, now_ms);
  const cards = spread(tape, shown, sentences.map((gap) => gap.y));
  return {
    items: [
      ...rules(tape, begin_ms, end_ms, now_ms, zone, measure),
      ...lane.spans.filter(([b, e]) => b < end_ms && e > begin_ms).flatMap((span) => recordedBand(tape, span, lane)),
      ...lane.damage.filter((each) => each.begin_ms < end_ms && each.end_ms > begin_ms).map((each) => damageLine(tape, each)),
      ...gaps.map((gap) => hatch(tape, gap, now_ms)),
      ...pins(tape, shown),
      ...nowLine(tape, now_ms),
    ],
    regions: shown.map((event) => eventRegion(tape, event)),
    width: tape.width,
    height: tape.height,
    cards,
    gaps: sentences,
  };
}

/** Sentences stand at the middle of their gap: the longest gaps have theirs, none over another or under the playhead. */
function told(tape: TapeView, gaps: readonly Gap[], now_ms: number): Placed<Gap>[] {
  const lengthOf = (gap: Gap): number => (gap.end_ms ?? now_ms) - gap.begin_ms;
  const placed: Placed<Gap>[] = [];
  for (const gap of gaps.filter(isTold).sort((a, b) => lengthOf(b) - lengthOf(a))) {
    const middle = middleOf(tape, gap, now_ms);
    const y = Math.abs(middle - PLAYHEAD_PX) < SENTENCE_PX ? PLAYHEAD_PX + SENTENCE_PX : middle;
    if (placed.every((other) => Math.abs(other.y - y) >= SENTENCE_PX)) placed.push({ value: gap, y });
  }
  return placed;
}

/** Cards stand at their event, or below the one above it; newest first, none over a gap's sentence or outside. */
function spread(tape: TapeView, events: readonly Happening[], taken: readonly number[]): Placed<Happening>[] {
  const placed: Placed<Happening>[] = [];
  let free = Number.NEGATIVE_INFINITY;
  for (const event of [...events].sort((a, b) => b.start_ms - a.start_ms)) {
    const wanted = Math.max(free, yOf(tape, event.start_ms) - CARD_PX / 2);
    const y = clearOf(clearOf(wanted, PLAYHEAD_PX, 12), undefined, 0, taken);
    if (y - wanted > CARD_PX * 2 || y > tape.height) continue;
    placed.push({ value: event, y });
    free = y + CARD_PX + CARD_APART;
  }
  return placed;
}

/** Moves a card's top below whatever line it would cover. */
function clearOf(y: number, line: number | undefined, reach: number, lines: readonly number[] = []): number {
  const all = line === undefined ? lines.map((at) => ({ at, reach: 12 })) : [{ at: line, reach }];
  return all
    .sort((a, b) => a.at - b.at)
    .reduce((top, { at, reach: r }) => (top < at + r && top + CARD_PX > at - r ? at + r : top), y);
}

function rules(tape: TapeView, begin_ms: number, end_ms: number, now_ms: number, zone: Zone, measure: Measure): Item[] {
  const flat: View = { begin_ms, end_ms, width: tape.height };
  const marks = ticks(flat, zone, () => 14, 56).filter((tick) => tick.weight !== "small" && tick.at_ms <= now_ms);
  const y = (tick: Tick): number => Math.round(yOf(tape, tick.at_ms));
  const lines: Item = { is: "bars", ink: "line", rects: marks.flatMap((t) => [58, y(t), tape.width - 58, 1]) };
  const labels = marks.flatMap((tick): Item[] => {
    const isHour = zone.local(tick.at_ms).minute === 0;
    const font = tick.weight === "day" || isHour ? "tick-day" : "tick";
    const ink = tick.weight === "day" || isHour ? "text" : "text-3";
    const parts = [tick.label.split(" ")[0] ?? "", ...tick.label.split(" ").slice(1)];
    return parts.map((text, i) => ({
      is: "text",
      ...{ ink, font, text, x: Math.max(2, 54 - measure(text, font)), y: y(tick) + i * 14 },
    }));
  });
  return [lines, ...labels];
}

function recordedBand(tape: TapeView, [begin_ms, end_ms]: Span, lane: Lane): Item[] {
  const [y, h] = stretch(tape, begin_ms, end_ms, 2);
  const [shown_begin, shown_end] = shownSpan(tape);
  const bars = motionBars(lane.motion, {
    begin_ms: Math.max(begin_ms, shown_begin) + 2 * tape.ms_per_px,
    end_ms: Math.min(end_ms, shown_end),
    ms_per_px: tape.ms_per_px,
    reach: BAND_PX - 4,
    place: (at_ms, length) => [BAND_LEFT, Math.round(yOf(tape, at_ms)) - 2, length, 2],
  });
  return [{ is: "box", ink: "recorded", round: 8, x: BAND_LEFT, y, w: BAND_PX, h }, ...bars];
}

/** Every event is told by its kind, also where there is no room for its card. */
function pins(tape: TapeView, events: readonly Happening[]): Item[] {
  const flat: View = { begin_ms: timeAtY(tape, tape.height), end_ms: timeAtY(tape, 0), width: tape.height };
  return clusters(flat, events, PIN_PX).map(({ events: together }) => {
    const at_ms = together.at(-1)?.start_ms ?? 0;
    return { ...badgeOf(together, PIN_PX / 2), x: BAND_LEFT + BAND_PX / 2, y: yOf(tape, at_ms) };
  });
}

/** Instants whose pictures stand beside the band: round ones, so that a picture stays while the tape moves. */
export function framesOf(tape: TapeView, length_px: number, apart_px: number, playhead_px: number, spans: readonly Span[]): number[] {
  const step_ms = STEPS_S.map((s) => s * 1000).find((step) => step >= tape.ms_per_px * apart_px) ?? 86_400_000;
  const reach_ms = tape.ms_per_px * Math.max(playhead_px, length_px - playhead_px) + step_ms;
  const found: number[] = [];
  for (let at = Math.ceil((tape.playhead_ms - reach_ms) / step_ms) * step_ms; at <= tape.playhead_ms + reach_ms; at += step_ms)
    if (within(spans, at)) found.push(at);
  return found;
}
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];

/** Along the far edge of what is recorded. */
function damageLine(tape: TapeView, damage: Damage): Item {
  const [y, h] = stretch(tape, damage.begin_ms, damage.end_ms, 3);
  return { is: "box", ink: "warn", round: 2, x: BAND_LEFT + BAND_PX - DAMAGE_PX, y, w: DAMAGE_PX, h };
}

function hatch(tape: TapeView, gap: Gap, now_ms: number): Item {
  const [y, h] = stretch(tape, gap.begin_ms, gap.end_ms ?? now_ms, 3);
  const ink = inkOfTone(gap.tone);
  return { is: "hatch", ink, round: 6, dotted: gap.tone === "faint", x: BAND_LEFT, y, w: BAND_PX, h };
}

function nowLine(tape: TapeView, now_ms: number): Item[] {
  const y = Math.round(yOf(tape, now_ms));
  if (y < 0 || y > tape.height) return [];
  const line: Item = { is: "bars", ink: "now", rects: [BAND_LEFT - 6, y, tape.width - BAND_LEFT + 6, 1.5] };
  if (Math.abs(y - PLAYHEAD_PX) < 14) return [line];
  return [line, { is: "text", ink: "now", font: "now", x: 24, y, text: words.now }];
}

/** The middle of what is shown of a gap. */
function middleOf(tape: TapeView, gap: Gap, now_ms: number): number {
  const top = clamp(yOf(tape, gap.end_ms ?? now_ms), 0, tape.height);
  const bottom = clamp(yOf(tape, gap.begin_ms), 0, tape.height);
  return (top + bottom) / 2;
}

const eventRegion = (tape: TapeView, event: Happening): Region => ({
  ...{ x: BAND_LEFT, y: yOf(tape, event.start_ms) - 12, w: BAND_PX, h: 24 },
  target: { is: "pin", lane: event.camera, events: [event] },
});

function stretch(tape: TapeView, begin_ms: number, end_ms: number, least: number): [y: number, h: number] {
  const y = Math.max(-10, yOf(tape, end_ms));
  const bottom = Math.min(tape.height + 10, yOf(tape, begin_ms));
  return [y, Math.max(least, bottom - y)];
}
