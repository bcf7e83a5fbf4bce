/** Which camera is heard: one at a time, none at first. */
import { signal } from "@preact/signals";

export const soundFrom = signal<string | null>(null);

export function flipSound(camera: string): void {
  soundFrom.value = soundFrom.value === camera ? null : camera;
}

/** The large picture is another camera's: it is heard if the one before was. */
export function moveSound(from: string, to: string): void {
  if (soundFrom.value === from) soundFrom.value = to;
}
