/** How the wall is laid out and what it remembers on this browser. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Camera, TawnyEvent } from "../../api/types";
import type { Live } from "../../live/useLive";
import { isShowing } from "../../ui/cameraWords";
import { recall, remember } from "../../ui/remember";
import { path } from "../../ui/router";
import type { Size } from "./layout";

export const showNumbers = signal(false);
/** The camera to give the focus to when the wall is shown again. */
export const cameFrom = signal<string | null>(null);
/** The address of the wall that was shown last: a camera's page leads back there. */
export const wallPath = signal("/");

/** What comes after the first picture (app/afterwards.tsx): the buttons on every tile, and what stands beside its name. */
export interface TileParts {
  acts: (of: { camera: Camera; live: Live; hero: boolean; canBeHero: boolean }) => ComponentChildren;
  head: (camera: Camera) => ComponentChildren;
  /** Of a tile without a picture. */
  quiet: (camera: Camera) => ComponentChildren;
  /** Beside the title. */
  tools: () => ComponentChildren;
}
export const tileParts = signal<TileParts | null>(null);
/** One camera in a row, on a phone. */
export const phoneOne = signal(recall("phone-columns") === "1");

export function flipPhoneColumns(): void {
  phoneOne.value = !phoneOne.value;
  remember("phone-columns", phoneOne.value ? "1" : null);
}

const ON_WALL = "wall-screen";
/** "on": this window was made a screen on the wall; "off": it is another one; null: it was just opened. */
const was = recall(ON_WALL, "sessionStorage");
/** This window is a screen on the wall, until that is left. */
export const isOnWall = signal(was === "on");

export function setOnWall(on: boolean): void {
  isOnWall.value = on;
  remember(ON_WALL, on ? "on" : null);
  remember(ON_WALL, on ? "on" : "off", "sessionStorage");
}

const ANSWER_MS = 2_000;
/** Of windows that wait at the same time, the one with the lowest is it. The answer to a window is its number and one. */
const own = Math.random();
// A browser that was started again shows its wall again: in the first window with Live, before there is another one.
let waits = was === null && path.peek() === "/" && recall(ON_WALL) === "on";
let isFirst = waits;
const windows = globalThis.BroadcastChannel && new BroadcastChannel(ON_WALL);
if (windows) windows.onmessage = ({ data }) => (data >= 1 ? (isFirst &&= data !== own + 1) : waits && data < own ? (isFirst = false) : windows.postMessage(data + 1));
if (waits) {
  windows?.postMessage(own);
  setTimeout(() => {
    waits = false;
    if (isFirst && path.peek() === "/") setOnWall(true);
    else remember(ON_WALL, "off", "sessionStorage");
  }, ANSWER_MS);
} else remember(ON_WALL, was ?? "off", "sessionStorage");

const WIDE = 16 / 9;
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

/** Two and four are alike, and so are all in columns of one's own; else one is large, the others beside and below it. */
export function hasHero(cameras: number, columns = 0): boolean {
  return columns === 0 && (cameras === 3 || cameras >= 5);
}

/** How the cells of the wall stand: in so many columns and rows, the last one being a cell, a bar below or a strip beside. */
export interface Grid {
  columns: number;
  rows: number;
  hero: boolean;
  add: "cell" | "bar" | "side" | null;
}

/** In how many columns so many cameras are largest. width, height: of the room that they have; gap, bar: as in wall.css. */
export function columnsFor(count: number, width: number, height: number, gap = 0, bar = 0): number {
  let best = { columns: 1, wide: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const high = height - (rows - 1) * gap - (count % columns === 0 ? bar : 0);
    const wide = Math.min((width - (columns - 1) * gap) / columns, (high / rows) * WIDE);
    if (wide > best.wide + 0.5) best = { columns, wide };
  }
  return best.columns;
}

/** What stands beside, above and below the wall in a window of a computer, px; wall.css has the latter, too. */
const [BESIDE, AROUND] = [130, 188];
const [GAP, BAR] = [10, 58];
/** Smaller ones would have no room for a name: then not all are in sight at once. px */
const LEAST = 170;
const roomNow = () => [innerWidth - BESIDE, innerHeight - AROUND] as const;
const room = signal(roomNow());
addEventListener("resize", () => (room.value = roomNow()));

/** columns: as a person wants it; 0: as fits best. Up to six fill three columns, more as many as make them largest. */
export function gridOf(cameras: number, columns: number, mayAdd: boolean, [width, height] = room.value): Grid {
  const hero = hasHero(cameras, columns);
  if (columns === 0 && cameras === 1) return { columns: 1, rows: 1, hero, add: mayAdd ? "side" : null };
  const cells = cameras + (hero ? 3 : 0);
  const many = () => Math.max(4, Math.min(columnsFor(cells, width, height, GAP, mayAdd ? BAR : 0), Math.floor(width / LEAST)));
  const across = columns || (!hero ? 2 : cameras <= 6 ? 3 : many());
  const add = !mayAdd ? null : cells % across === 0 ? "bar" : "cell";
  return { columns: across, rows: Math.ceil(cells / across), hero, add };
}

export const CELLS: Record<Size, readonly [wide: number, high: number]> = { "1x1": [1, 1], "2x1": [2, 1], "2x2": [2, 2] };

/** The cells of a layout in which cameras have sizes. columns: 0: as near to a square as it gets. */
export function cellsOf(sizes: readonly Size[], columns: number): { columns: number; rows: number } {
  const cells = sizes.reduce((sum, size) => sum + CELLS[size][0] * CELLS[size][1], 0);
  const widest = Math.max(1, ...sizes.map((size) => CELLS[size][0]));
  const across = Math.max(widest, columns || Math.ceil(Math.sqrt(cells)));
  const taken = new Set<string>();
  let rows = 0;
  // As the browser packs a dense grid: each in the first place from the top in which it fits.
  for (const size of sizes) {
    const [wide, high] = CELLS[size];
    const parts = (x: number, y: number) => Array.from({ length: wide * high }, (_, n) => `${x + (n % wide)} ${y + Math.floor(n / wide)}`);
    let at = 0;
    const place = () => [at % across, Math.floor(at / across)] as const;
    while (place()[0] + wide > across || parts(...place()).some((part) => taken.has(part))) at += 1;
    for (const part of parts(...place())) taken.add(part);
    rows = Math.max(rows, place()[1] + high);
  }
  return { columns: across, rows };
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
