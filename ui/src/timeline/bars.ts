/**
 * Motion bars, 2 px and 1 px of space, on a grid that is fixed in time: panning moves bars, it never re-mixes them.
 */
import { greatest, type Motion } from "./data";
import type { Ink, Item } from "./draw";

const PITCH_PX = 3;
const LEAST_LEVEL = 0.03;

export interface BarRun {
  begin_ms: number;
  end_ms: number;
  ms_per_px: number;
  /** Length of a bar at score 100, in px. */
  reach: number;
  /** Where a bar of this length, standing for time from at_ms on, is drawn. */
  place: (at_ms: number, length: number) => readonly [x: number, y: number, w: number, h: number];
}

export function motionBars(motion: Motion, run: BarRun): Item[] {
  if (motion.scores.length === 0) return [];
  const step_ms = PITCH_PX * run.ms_per_px;
  const rects: Record<Level, number[]> = { "motion-1": [], "motion-2": [], "motion-3": [] };
  const first = Math.floor(run.begin_ms / step_ms);
  const last = Math.ceil(run.end_ms / step_ms);
  for (let i = first; i < last; i += 1) {
    const level = greatest(motion, i * step_ms, (i + 1) * step_ms) / 100;
    if (level < LEAST_LEVEL) continue;
    rects[inkOf(level)].push(...run.place(i * step_ms, Math.max(2, Math.round(level * run.reach))));
  }
  return LEVELS.filter((ink) => rects[ink].length > 0).map((ink) => ({ is: "bars", ink, rects: rects[ink] }));
}

type Level = Extract<Ink, `motion-${number}`>;
const LEVELS: readonly Level[] = ["motion-1", "motion-2", "motion-3"];

function inkOf(level: number): Level {
  if (level > 0.6) return "motion-3";
  return level > 0.3 ? "motion-2" : "motion-1";
}
