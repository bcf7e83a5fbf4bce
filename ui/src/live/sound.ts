/** Which camera is heard: one at a time, none at first. */
import { signal } from "@preact/signals";

export const soundFrom = signal<string | null>(null);

export function flipSound(camera: string): void {
  soundFrom.value = soundFrom.value === camera ? null : camera;
}
