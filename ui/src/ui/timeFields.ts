/** Times that people type are the recorder's, as those that pages show. */
import { instantOf, wall } from "./times";

/** `2026-11-20T20:46` by the recorder's clock, as a `datetime-local` field has it. */
export function fieldTime(ms: number): string {
  return wall(ms).toISOString().slice(0, 16);
}

/** The instant that such a field means at the recorder; NaN for an empty one. */
export function fieldInstant(text: string): number {
  const wall_ms = Date.parse(`${text}Z`);
  return Number.isNaN(wall_ms) ? wall_ms : instantOf(wall_ms);
}
