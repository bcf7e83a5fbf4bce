import type { TawnyEvent } from "../api/types";

/** An event's title without its camera (`Person · Front door`), for places that name the camera beside it. */
export function shortTitle(event: TawnyEvent, camera: string): string {
  const tail = [` · ${camera}`, ` at ${camera}`].find((each) => event.title.endsWith(each));
  return tail ? event.title.slice(0, -tail.length) : event.title;
}
