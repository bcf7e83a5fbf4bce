/** What is missing, with one row for what cameras missed together. */
import type { Gap } from "../../api/types";
import { isTold } from "../../timeline/data";

export type CameraGap = Gap & { camera: string };

export interface Missed {
  /** The longest of what was missed. */
  gap: Gap;
  cameras: readonly string[];
}

const TOGETHER_MS = 10_000;

/** Newest first: gaps of one reason that began within ten seconds are one. Removed video and starts are left out. */
export function together(gaps: readonly CameraGap[], now_ms: number): Missed[] {
  const long = (gap: Gap): number => (gap.end_ms ?? now_ms) - gap.begin_ms;
  const rows: Missed[] = [];
  const told = gaps.filter((gap) => gap.tone !== "faint" && isTold(gap));
  for (const { camera, ...gap } of told.sort((a, b) => b.begin_ms - a.begin_ms)) {
    const at = rows.findIndex(
      (row) =>
        row.gap.reason === gap.reason &&
        (row.gap.end_ms === null) === (gap.end_ms === null) &&
        Math.abs(row.gap.begin_ms - gap.begin_ms) <= TOGETHER_MS &&
        !row.cameras.includes(camera),
    );
    const row = rows[at];
    if (row) rows[at] = { gap: long(gap) > long(row.gap) ? gap : row.gap, cameras: [...row.cameras, camera] };
    else rows.push({ gap, cameras: [camera] });
  }
  return rows;
}
