/** The draw list: what a canvas shows, as plain values in paint order, and the places that answer to a pointer. */
import type { Damage, Gap, Happening } from "./data";

export type Ink =
  | "line"
  | "recorded"
  | "motion-1"
  | "motion-2"
  | "motion-3"
  | "warn"
  | "choice"
  | "faint"
  | "surface"
  | "text"
  | "text-2"
  | "text-3"
  | "now"
  | "pin-ink"
  | `kind-${string}`;

export type Font = "tick" | "tick-day" | "words" | "now" | "count";

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export type Item =
  | ({ is: "box"; ink: Ink; round: number } & Box)
  /** Rectangles of one colour, as x, y, w, h behind one another. */
  | { is: "bars"; ink: Ink; rects: number[] }
  | ({ is: "hatch"; ink: Ink; round: number; dotted: boolean } & Box)
  | { is: "text"; ink: Ink; font: Font; x: number; y: number; text: string }
  /** A disc with an icon in it. */
  | ({ is: "badge"; x: number; y: number } & Badge);

export interface Badge {
  ink: Ink;
  edge: Ink;
  r: number;
  icon: string;
  iconInk: Ink;
  iconSize: number;
  /** A number at its upper right; empty for none. */
  count: string;
  /** Colours of what else it stands for: dots along its lower edge. */
  also?: readonly Ink[];
}

export type Target =
  | { is: "pin"; lane: string; events: Happening[] }
  | { is: "gap"; lane: string; gap: Gap }
  | { is: "damage"; lane: string; damage: Damage }
  | { is: "lane"; lane: string }
  | { is: "ruler" };

/** A place that answers; of those that overlap, the last one in the list is on top. */
export interface Region extends Box {
  target: Target;
}

export interface DrawList {
  items: Item[];
  regions: Region[];
  width: number;
  height: number;
}

export type Measure = (text: string, font: Font) => number;

export function hit(list: DrawList, x: number, y: number): Target | null {
  for (let i = list.regions.length - 1; i >= 0; i -= 1) {
    const region = list.regions[i] as Region;
    if (x >= region.x && x < region.x + region.w && y >= region.y && y < region.y + region.h) return region.target;
  }
  return null;
}

const ICONS: Record<string, string> = {
  person: "footprints",
  vehicle: "car",
  animal: "paw-print",
  object: "package",
  sound: "volume-2",
  motion: "activity",
};
const IMPORTANT = ["person", "object", "vehicle", "animal", "sound", "motion"];

export const iconOfKind = (kind: string): string => ICONS[kind] ?? "activity";
export const inkOfKind = (kind: string): Ink => `kind-${kind in ICONS ? kind : "motion"}`;

/** What a group of events shows: the kind that people look for first. */
export function leadingKind(events: readonly Happening[]): string {
  return IMPORTANT.find((kind) => events.some((event) => event.kind === kind)) ?? "motion";
}

/** The kinds among them with how many there are, what people look for first at the front. */
export function kindsOf(events: readonly Happening[]): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const rank = (kind: string): number => (IMPORTANT.includes(kind) ? IMPORTANT.indexOf(kind) : IMPORTANT.length);
  return [...counts].sort(([a], [b]) => rank(a) - rank(b));
}

const GAP_ICONS: Record<string, string> = {
  unreachable: "wifi-off",
  wifi: "wifi-off",
  auth: "key-round",
  weaker_login: "key-round",
  camera_restart: "rotate-ccw",
  stalled: "snowflake",
  recorder_off: "power",
  disk_full: "hard-drive",
  disk_error: "hard-drive",
  overload: "gauge",
  privacy: "eye-off",
  masking: "eye-off",
  mode: "moon",
  schedule: "clock",
  waiting: "minus",
  asleep: "moon",
  off: "video-off",
  removed: "trash-2",
  clock: "clock",
  ended: "video-off",
  filled: "hard-drive",
  not_copied: "hard-drive",
  unknown: "triangle-alert",
};

export const DAMAGE_ICON = "image-off";
export const iconOfGap = (reason: string): string => GAP_ICONS[reason] ?? "triangle-alert";
export const inkOfTone = (tone: Gap["tone"]): Ink => tone;
