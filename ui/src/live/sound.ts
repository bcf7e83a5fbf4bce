/** Which camera is heard: one at a time, none at first. */
import { signal } from "@preact/signals";

export const soundFrom = signal<string | null>(null);

export function flipSound(camera: string): void {
  soundFrom.value = soundFrom.value === camera ? null : camera;
}

/** The camera of the large picture: the wall and a camera's page take turns. */
let large = "";

/** The large picture, on the wall or on a page, is this camera's: it is heard if the one before was. */
export function moveSound(to: string): void {
  if (soundFrom.peek() === large) soundFrom.value = to;
  large = to;
}
