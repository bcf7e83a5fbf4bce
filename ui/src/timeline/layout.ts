/** Desktop: one horizontal lane a camera under a ruler. Pure: the same values give the same draw list. */
import { motionBars } from "./bars";
import type { Damage, Gap, Happening, Lane, Span, TimelineData } from "./data";
import {
  type Badge,
  type Box,
  type DrawList,
  type Ink,
  type Item,
  type Measure,
  type Region,
  iconOfGap,
  iconOfKind,
  inkOfKind,
  inkOfTone,
  kindsOf,
  leadingKind,
} from "./draw";
import { clockMinute } from "./format";
import { type Tick, ticks } from "./ticks";
import { type View, spanOf, xOf } from "./view";
import { axis as words } from "../strings/axis";
import type { Zone } from "./zone";

export const RULER_PX = 30;
export const LANE_PX = 54;
const BAND_PX = 36;
const PIN_PX = 22;
const MOST_ALSO = 3;
const GAP_ICON_PX = 26;
/** Damage is a line along the top of what is recorded: the pictures are there. */
const DAMAGE_PX = 5;

export interface LaneLook {
  zone: Zone;
  measure: Measure;
  laneHeight: number;
  /** At the live edge the playhead's own label stands where "Now" would. */
  sayNow: boolean;
}

export const heightOf = (lanes: number, laneHeight = LANE_PX): number => RULER_PX + lanes * laneHeight;

export function lanesLayout(view: View, data: TimelineData, look: LaneLook): DrawList {
  const height = heightOf(data.lanes.length, look.laneHeight);
  const marks = ticks(view, look.zone, (label) => look.measure(label, "tick"));
  const rows = data.lanes.map((lane, i) => laneRow(view, lane, data.now_ms, RULER_PX + i * look.laneHeight, look));
  const ruler: Region = { x: 0, y: 0, w: view.width, h: RULER_PX, target: { is: "ruler" } };
  return {
    items: [
      ...ruled(marks, height),
      ...rows.flatMap((row) => row.band),
      ...labelled(marks, view, data.now_ms, look.measure),
      ...nowLine(view, data.now_ms, height, look.sayNow),
      ...rows.flatMap((row) => row.pins),
    ],
    regions: [ruler, ...rows.flatMap((row) => row.regions)],
    width: view.width,
    height,
  };
}

interface Row {
  band: Item[];
  pins: Item[];
  regions: Region[];
}

function laneRow(view: View, lane: Lane, now_ms: number, top: number, look: LaneLook): Row {
  const y = top + Math.round((look.laneHeight - BAND_PX) / 2);
  const gaps = lane.gaps.filter((gap) => gap.begin_ms < view.end_ms && (gap.end_ms ?? now_ms) > view.begin_ms);
  const damaged = lane.damage
    .filter(({ begin_ms, end_ms }) => isShown(view)([begin_ms, end_ms]))
    .map((damage) => damageMark(view, damage, y));
  const drawn = gaps.map((gap) => gapMark(view, gap, now_ms, y, look));
  const groups = clusters(view, lane.events, PIN_PX).map((group) => ({ ...group, x: inside(group.x, view) }));
  const whole: Region = { x: 0, y: top, w: view.width, h: look.laneHeight, target: { is: "lane", lane: lane.id } };
  return {
    band: [
      { is: "box", ink: "line", round: 0, x: 0, y: top, w: view.width, h: 1 },
      ...lane.spans.filter(isShown(view)).flatMap((span) => recordedBand(view, span, lane, y)),
      ...damaged.map((mark) => mark.item),
      ...drawn.flatMap((mark) => mark.items),
    ],
    pins: groups.map((group) => pin(group, top + 4 + PIN_PX / 2)),
    regions: [
      whole,
      ...damaged.map(({ box, damage }) => ({ ...box, target: { is: "damage" as const, lane: lane.id, damage } })),
      ...drawn.map(({ box, gap }) => ({ ...box, target: { is: "gap" as const, lane: lane.id, gap } })),
      ...groups.map((group) => pinRegion(group, lane.id, top)),
    ],
  };
}

const isShown =
  (view: View) =>
  ([begin, end]: Span): boolean =>
    begin < view.end_ms && end > view.begin_ms;

function recordedBand(view: View, [begin_ms, end_ms]: Span, lane: Lane, y: number): Item[] {
  const [x, w] = stretch(view, begin_ms, end_ms, 2);
  const bottom = y + BAND_PX;
  const bars = motionBars(lane.motion, {
    begin_ms: Math.max(begin_ms, view.begin_ms),
    end_ms: Math.min(end_ms, view.end_ms) - 2 * (spanOf(view) / view.width),
    ms_per_px: spanOf(view) / view.width,
    reach: BAND_PX - 6,
    place: (at_ms, length) => [Math.round(xOf(view, at_ms)), bottom - length, 2, length],
  });
  return [{ is: "box", ink: "recorded", round: 5, x, y, w, h: BAND_PX }, ...bars];
}

function damageMark(view: View, damage: Damage, y: number): { damage: Damage; box: Box; item: Item } {
  const [x, w] = stretch(view, damage.begin_ms, damage.end_ms, 3);
  const item: Item = { is: "box", ink: "warn", round: 2, x, y, w, h: DAMAGE_PX };
  return { damage, item, box: atLeast({ x, y, w, h: BAND_PX }, 12) };
}

function gapMark(view: View, gap: Gap, now_ms: number, y: number, look: LaneLook) {
  const [x, w] = stretch(view, gap.begin_ms, gap.end_ms ?? now_ms, 3);
  const box = { x, y, w, h: BAND_PX };
  const hatch: Item = { is: "hatch", ink: inkOfTone(gap.tone), round: 5, dotted: gap.tone === "faint", ...box };
  return { gap, box: atLeast(box, 12), items: [hatch, ...gapWords(gap, box, look)] };
}

/** The words when they fit into the hatch, else the icon, else the hatch alone. */
function gapWords(gap: Gap, { x, y, w }: { x: number; y: number; w: number }, look: LaneLook): Item[] {
  const text = gapLabel(gap, look.zone);
  const ink: Ink = gap.tone === "warn" ? "warn" : "text-2";
  const length = look.measure(text, "words");
  if (length + 34 <= w) {
    return [
      { is: "box", ink: "surface", round: 10, x: x + 9, y: y + 8, w: length + 16, h: 20 },
      { is: "text", ink, font: "words", x: x + 17, y: y + BAND_PX / 2 + 0.5, text },
    ];
  }
  if (w < GAP_ICON_PX + 4) return [];
  const badge = { ink: "surface" as const, edge: ink, r: GAP_ICON_PX / 2, icon: iconOfGap(gap.reason), iconInk: ink, iconSize: 16, count: "" };
  return [{ is: "badge", x: x + w / 2, y: y + BAND_PX / 2, ...badge }];
}

export function gapLabel(gap: Gap, zone: Zone): string {
  return gap.end_ms === null && gap.tone === "warn" ? words.since(gap.words, clockMinute(zone, gap.begin_ms)) : gap.words;
}

export interface Cluster {
  x: number;
  events: Happening[];
}

/** Events whose pins would cover each other become one pin at the first of them. */
export function clusters(view: View, events: readonly Happening[], apart_px: number): Cluster[] {
  const found: Cluster[] = [];
  for (const event of [...events].sort((a, b) => a.start_ms - b.start_ms)) {
    const x = xOf(view, event.start_ms);
    if (x < -1 || x > view.width + 1) continue;
    const last = found[found.length - 1];
    if (last && x - last.x < apart_px) last.events.push(event);
    else found.push({ x, events: [event] });
  }
  return found;
}

const inside = (x: number, view: View): number => Math.min(Math.max(x, PIN_PX / 2), view.width - PIN_PX / 2);

const pin = ({ x, events }: Cluster, y: number): Item => ({ ...badgeOf(events, PIN_PX / 2), x, y });

/** The kind that people look for first, how many there are, and the colours of the other kinds among them. */
export function badgeOf(events: readonly Happening[], r: number): Badge & { is: "badge" } {
  const kind = leadingKind(events);
  const also = kindsOf(events).map(([each]) => inkOfKind(each)).filter((ink) => ink !== inkOfKind(kind));
  const count = events.length === 1 ? "" : events.length > 99 ? "99+" : String(events.length);
  const look = { ink: inkOfKind(kind), edge: "surface" as const, icon: iconOfKind(kind), iconInk: "pin-ink" as const };
  return { is: "badge", r, iconSize: 12, count, also: also.slice(0, MOST_ALSO), ...look };
}

const pinRegion = ({ x, events }: Cluster, lane: string, top: number): Region => ({
  ...{ x: x - 12, y: top, w: 24, h: PIN_PX + 8 },
  target: { is: "pin", lane, events },
});

function ruled(marks: Tick[], height: number): Item[] {
  const y = (tick: Tick): number => (tick.weight === "small" ? 27 : 24);
  const rects = marks.flatMap((tick) => [Math.round(tick.x), y(tick), 1, height - y(tick)]);
  return [{ is: "bars", ink: "line", rects }];
}

function labelled(marks: Tick[], view: View, now_ms: number, measure: Measure): Item[] {
  const now = xOf(view, now_ms);
  return marks
    .filter((tick) => tick.label !== "" && tick.x > -40)
    .filter((tick) => tick.x + 6 + measure(tick.label, "tick") < view.width)
    .filter((tick) => !overlaps([tick.x, tick.x + 6 + measure(tick.label, "tick")], [now - 6, now + 36]))
    .map((tick) => ({
      is: "text",
      ink: tick.weight === "day" ? "text" : "text-3",
      font: tick.weight === "day" ? "tick-day" : "tick",
      x: Math.round(tick.x) + 6,
      y: 15,
      text: tick.label,
    }));
}

function nowLine(view: View, now_ms: number, height: number, sayNow: boolean): Item[] {
  const x = Math.round(xOf(view, now_ms));
  if (x < 0 || x > view.width) return [];
  const line: Item = { is: "bars", ink: "now", rects: [x, 22, 1.5, height - 22] };
  return sayNow ? [line, { is: "text", ink: "now", font: "now", x: x + 6, y: 15, text: words.now }] : [line];
}

/** Left edge and length of a stretch of time, not wider than the view and never thinner than `least`. */
function stretch(view: View, begin_ms: number, end_ms: number, least: number): [x: number, w: number] {
  const x = Math.max(-8, xOf(view, begin_ms));
  const right = Math.min(view.width + 8, xOf(view, end_ms));
  return [x, Math.max(least, right - x)];
}

function atLeast<B extends { x: number; w: number }>(box: B, width: number): B {
  const more = Math.max(0, width - box.w);
  return { ...box, x: box.x - more / 2, w: box.w + more };
}

const overlaps = ([a, b]: readonly [number, number], [c, d]: readonly [number, number]): boolean => a < d && c < b;
