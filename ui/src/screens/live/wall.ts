/** How the wall is laid out and what it remembers on this browser. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Camera, TawnyEvent } from "../../api/types";
import type { Live } from "../../live/useLive";
import { isShowing } from "../../ui/cameraWords";
import { recall, remember } from "../../ui/remember";

export const showNumbers = signal(false);
/** The camera to give the focus to when the wall is shown again. */
export const cameFrom = signal<string | null>(null);

/** More buttons on every tile; they come after the first picture (app/afterwards.tsx). */
export const tileExtra = signal<((camera: Camera, live: Live) => ComponentChildren) | null>(null);

const CHOSEN = "hero";
const FOLLOW = "follow";
export const chosen = signal<string | null>(recall(CHOSEN));
export const follow = signal(recall(FOLLOW) === "on");

export function choose(camera: string): void {
  chosen.value = camera;
  remember(CHOSEN, camera);
}

export function setFollow(on: boolean): void {
  follow.value = on;
  remember(FOLLOW, on ? "on" : "off");
}

/** Two and four are alike; with other numbers one is large, and the others fill the place beside and below it. */
export function hasHero(cameras: number): boolean {
  return cameras === 3 || cameras >= 5;
}

/** Three and six fill three columns, more are best in four. */
export function layoutOf(cameras: number): "one" | "few" | "many" | "many three" {
  if (!hasHero(cameras)) return cameras === 1 ? "one" : "few";
  return cameras === 3 || cameras === 6 ? "many three" : "many";
}

/** The camera in the large place: where something goes on now (when that is followed), the chosen one, or the first. */
export function heroOf(
  cameras: readonly Camera[],
  wanted: string | null,
  following: boolean,
  ongoing: Iterable<TawnyEvent>,
): string | null {
  const shows = (id: string | null) => cameras.some((camera) => camera.id === id && isShowing(camera.state));
  if (following) {
    const moving = [...ongoing].filter((event) => shows(event.camera)).sort((a, b) => b.start_ms - a.start_ms)[0];
    if (moving) return moving.camera;
  }
  if (shows(wanted)) return wanted;
  return (cameras.find((camera) => isShowing(camera.state)) ?? cameras[0])?.id ?? null;
}

export type Step = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

interface Place {
  x: number;
  y: number;
}

/** Which of `places` lies next to place `from` in a direction: the nearest, and rather straight than aslant. */
export function neighbour(places: readonly Place[], from: number, step: Step): number {
  const here = places[from];
  if (!here) return 0;
  const along = step === "ArrowLeft" || step === "ArrowRight" ? "x" : "y";
  const sign = step === "ArrowLeft" || step === "ArrowUp" ? -1 : 1;
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, there] of places.entries()) {
    const ahead = (there[along] - here[along]) * sign;
    const aside = Math.abs(along === "x" ? there.y - here.y : there.x - here.x);
    if (ahead < 8) continue;
    const far = ahead + aside * 2;
    if (far < least) {
      least = far;
      best = index;
    }
  }
  return best;
}
