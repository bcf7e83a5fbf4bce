import type { TawnyEvent } from "../api/types";

/** An event's title without its camera, for places that name the camera beside it. */
export function shortTitle(event: TawnyEvent, camera: string): string {
  const tail = ` at ${camera}`;
  return event.title.endsWith(tail) ? event.title.slice(0, -tail.length) : event.title;
}
