/** The marks of the time axis, on round local times, across changes of the clock. */
import { clockMinute, clockSecond, dayName } from "./format";
import { spanOf, xOf, type View } from "./view";
import type { Zone } from "./zone";

export interface Tick {
  at_ms: number;
  x: number;
  /** Empty on small marks and where a label would run into another one. */
  label: string;
  weight: "day" | "big" | "small";
}

/** Seconds between labels, and between small marks. All divide a day. */
const STEPS: readonly (readonly [number, number])[] = [
  [5, 1],
  [10, 5],
  [15, 5],
  [30, 10],
  [60, 30],
  [120, 60],
  [300, 60],
  [600, 300],
  [1800, 600],
  [3600, 1800],
  [7200, 3600],
  [10800, 3600],
  [21600, 7200],
  [43200, 10800],
];
const LABEL_GAP = 10;

export function ticks(
  view: View,
  zone: Zone,
  measure: (label: string) => number,
  least = 104,
): Tick[] {
  const perPixel_s = spanOf(view) / 1000 / view.width;
  const last = STEPS[STEPS.length - 1] as readonly [number, number];
  const [big_s, small_s] = STEPS.find(([step]) => step >= least * perPixel_s) ?? last;
  const found = roundTimes(view, zone, small_s).map((at_ms) => tick(view, zone, at_ms, big_s));
  return withoutCollisions(found, measure);
}

/** Instants at which the local clock shows a multiple of the step; each stretch of one offset by itself. */
export function roundTimes(view: View, zone: Zone, step_s: number): number[] {
  const edges = zone.changesIn(view.begin_ms, view.end_ms).map((change) => change.at_ms);
  const bounds = [view.begin_ms, ...edges, view.end_ms];
  const step_ms = step_s * 1000;
  return bounds.slice(1).flatMap((end_ms, i) => {
    const begin_ms = bounds[i] as number;
    const offset_ms = zone.offsetAt(begin_ms) * 1000;
    const first = Math.ceil((begin_ms + offset_ms) / step_ms) * step_ms - offset_ms;
    const isLast = i === bounds.length - 2;
    return range(first, isLast ? end_ms + 1 : end_ms, step_ms);
  });
}

function tick(view: View, zone: Zone, at_ms: number, big_s: number): Tick {
  const { hour, minute, second } = zone.local(at_ms);
  const ofDay_s = hour * 3600 + minute * 60 + second;
  const x = xOf(view, at_ms);
  if (ofDay_s === 0) return { at_ms, x, label: dayName(zone, at_ms, "short"), weight: "day" };
  if (ofDay_s % big_s !== 0) return { at_ms, x, label: "", weight: "small" };
  return { at_ms, x, label: big_s < 60 ? clockSecond(zone, at_ms) : clockMinute(zone, at_ms), weight: "big" };
}

function withoutCollisions(found: Tick[], measure: (label: string) => number): Tick[] {
  let free = Number.NEGATIVE_INFINITY;
  return found.map((tick) => {
    if (tick.label === "") return tick;
    if (tick.x < free) return { ...tick, label: "" };
    free = tick.x + measure(tick.label) + LABEL_GAP;
    return tick;
  });
}

function range(begin: number, end: number, step: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((end - begin) / step)) }, (_, i) => begin + i * step);
}
