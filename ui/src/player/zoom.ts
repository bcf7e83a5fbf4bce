/** A picture enlarged inside its frame, down to single pixels of the camera. Plain arithmetic. */

/** `scale` 1: the whole picture. `x`, `y`: how far the enlarged picture is moved, in pixels of the screen; never above 0. */
export interface Zoom {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
/** A pixel of the camera becomes at most so many of the screen, on each side. */
const PIXELS = 4;
const LEAST_MOST = 4;

/** How far one can go: until single pixels can be told apart. */
export function mostOf(frame: Size, picture: Size): number {
  if (picture.width <= 0 || frame.width <= 0) return LEAST_MOST;
  const fit = Math.min(frame.width / picture.width, frame.height / picture.height);
  return Math.max(LEAST_MOST, PIXELS / fit);
}

/** Enlarged by a factor; what is under `at` (in the frame) stays under it. */
export function zoomed(now: Zoom, factor: number, at: { x: number; y: number }, frame: Size, most: number): Zoom {
  const scale = Math.min(most, Math.max(1, now.scale * factor));
  const by = scale / now.scale;
  return inside({ scale, x: at.x - (at.x - now.x) * by, y: at.y - (at.y - now.y) * by }, frame);
}

export function moved(now: Zoom, dx: number, dy: number, frame: Size): Zoom {
  return inside({ ...now, x: now.x + dx, y: now.y + dy }, frame);
}

/** No edge of the picture comes into the frame. */
function inside({ scale, x, y }: Zoom, { width, height }: Size): Zoom {
  if (scale <= 1.001) return WHOLE;
  const within = (value: number, long: number) => Math.min(0, Math.max(long * (1 - scale), value));
  return { scale, x: within(x, width), y: within(y, height) };
}
