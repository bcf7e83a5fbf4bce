/** How a video that is told where to be gets there: a little faster or slower, or by a jump. */

/** From this speed on only key pictures are shown. */
export const KEY_PICTURES_FROM = 8;

/** Fast, or backwards: there are only key pictures then. */
export function byKeyPictures(speed: number): boolean {
  return speed < 0 || speed >= KEY_PICTURES_FROM;
}
const NEAR_MS = 30;
/** Two videos that go by a third may be off to both sides of it: together they stay within 0.3 s. */
const JUMP_MS = 140;
const MOST = 0.03;
const SEEK_TAKES_MS = 60;

export type Correction = { is: "rate"; rate: number } | { is: "jump"; ahead_ms: number };

/** `drift_ms` is how far the video is ahead of where it should be. */
export function correction(drift_ms: number, speed: number): Correction {
  if (Math.abs(drift_ms) > JUMP_MS * Math.max(1, speed)) return { is: "jump", ahead_ms: SEEK_TAKES_MS * speed };
  if (Math.abs(drift_ms) < NEAR_MS) return { is: "rate", rate: speed };
  const by = Math.min(MOST, Math.max(-MOST, drift_ms / 2000));
  return { is: "rate", rate: Math.round(speed * (1 - by) * 1000) / 1000 };
}
