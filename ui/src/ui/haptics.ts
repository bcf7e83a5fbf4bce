/** Short buzzes under a finger that scrubs, on devices that have them. */
import { signal } from "@preact/signals";
import { recall, remember } from "./remember";

const STORED = "buzzes";
const BUZZ_MS = 8;
const APART_MS = 70;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let last_ms = -APART_MS;

export const buzzes = signal(recall(STORED) !== "off");
export const canBuzz = (): boolean => typeof navigator.vibrate === "function" && matchMedia("(pointer: coarse)").matches;

export function setBuzzes(on: boolean): void {
  buzzes.value = on;
  remember(STORED, on ? null : "off");
}

/** Not where less motion is wanted, and never so often that it becomes a hum. */
export function buzz(): void {
  const now = performance.now();
  if (!buzzes.peek() || calm.matches || now - last_ms < APART_MS) return;
  last_ms = now;
  navigator.vibrate?.(BUZZ_MS);
}
