/** An event's filmstrip: one JPEG with three to six frames side by side, from its beginning to its end. Pure. */
import { url } from "../../api/client";
import type { TawnyEvent } from "../../api/types";

/** As the recorder makes them. */
const FRAME_PX = 320;
const [LEAST, MOST] = [3, 6];
/** Frames begin this far apart; with every one too many, twice as far. */
const APART_MS = 700;

export interface Strip {
  address: string;
  count: number;
  /** Width to height of one frame. */
  aspect: number;
}

export function stripAddress(event: TawnyEvent): string | null {
  return event.end_ms === null || event.snapshot === null ? null : url(`/events/${encodeURIComponent(event.id)}/loop`);
}

/** How many frames an image of this size has. Small cameras send frames less wide than usual: then 16:9 is taken. */
export function countOf(width: number, height: number): number {
  const whole = width / FRAME_PX;
  const count = Number.isInteger(whole) && whole >= LEAST ? whole : Math.round((width / Math.max(1, height)) * (9 / 16));
  return Math.min(MOST, Math.max(LEAST, count));
}

/** When each frame was, ms UTC: the recorder halves their number whenever there are too many. */
export function timesOf(event: { start_ms: number; end_ms: number | null }, count: number): number[] {
  const long_ms = (event.end_ms ?? event.start_ms) - event.start_ms;
  let apart_ms = APART_MS;
  while (apart_ms * count <= long_ms) apart_ms *= 2;
  return Array.from({ length: count }, (_, n) => event.start_ms + n * apart_ms);
}

/** The frame under a pointer that is this far across the picture, 0 to 1. */
export function frameAt(share: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
}

/** The frame that is shown at an instant. */
export function frameOf(times: readonly number[], at_ms: number): number {
  return Math.max(0, times.findLastIndex((each) => each <= at_ms));
}

/** What shows one frame of the image as a background. */
export function frameStyle({ address, count, aspect }: Strip, frame: number) {
  return {
    backgroundImage: `url("${address}")`,
    backgroundSize: `${count * 100}% 100%`,
    backgroundPosition: `${(frame / (count - 1)) * 100}% 0`,
    aspectRatio: String(aspect),
  };
}
