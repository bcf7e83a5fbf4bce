/** Where things are at an instant, between the times at which they were looked at. Pure. */

/** x0, y0, x1, y1 as shares of the picture as it is shown. */
export type Box = readonly [number, number, number, number];
export type Point = readonly [at_ms: number, x0: number, y0: number, x1: number, y1: number];

export interface Track {
  /** As the detector or a model calls it; `motion` is no name. */
  label: string;
  /** 0 to 100. */
  percent: number;
  path: readonly Point[];
}

export interface Thing {
  label: string;
  percent: number;
  box: Box;
  /** Where it came along until now: the middle of its lower edge. */
  trail: readonly (readonly [number, number])[];
}

/** After its last point, a thing is shown this long. */
const HOLD_MS = 400;
/** Detection is behind the picture: a thing that moves is drawn as far ahead as this. */
export const AHEAD_MS = 250;

/** The first place whose point is later. */
function after(path: readonly Point[], at_ms: number): number {
  let [low, high] = [0, path.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((path[middle]?.[0] ?? 0) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

function between(from: Point, to: Point, at_ms: number): Box {
  const part = to[0] === from[0] ? 1 : (at_ms - from[0]) / (to[0] - from[0]);
  const at = (n: 1 | 2 | 3 | 4) => from[n] + (to[n] - from[n]) * part;
  return [at(1), at(2), at(3), at(4)];
}

/** Where it is; null before it is there, and some time after its last point. */
export function boxAt(path: readonly Point[], at_ms: number, ahead_ms = 0): Box | null {
  const place = after(path, at_ms);
  const before = path[place - 1];
  const next = path[place];
  if (!before) return null;
  if (next) return between(before, next, at_ms);
  if (at_ms - before[0] > HOLD_MS) return null;
  const earlier = path[place - 2];
  return earlier && ahead_ms > 0 ? between(earlier, before, Math.min(at_ms, before[0] + ahead_ms)) : [before[1], before[2], before[3], before[4]];
}

export function thingsAt(tracks: readonly Track[], at_ms: number, ahead_ms = 0, trails = true): Thing[] {
  return tracks.flatMap(({ label, percent, path }) => {
    const box = boxAt(path, at_ms, ahead_ms);
    if (!box) return [];
    const came = trails ? [...path.slice(0, after(path, at_ms)).map(([, ...each]) => feet(each)), feet(box)] : [];
    return [{ label, percent, box, trail: came }];
  });
}

function feet([x0, , x1, y1]: Box): [number, number] {
  return [(x0 + x1) / 2, y1];
}

export interface Looked {
  at_ms: number;
  things: readonly { box: Box; score: number; label: string }[];
}

/** Kept of a live track, and how long one without a look can be the same thing. */
const KEPT = 20;
const SAME_MS = 1_500;
const MOTION = "motion";

/** The tracks after one more look. A thing goes on where it was last: the readings do not number their things. */
export function followed(tracks: readonly Track[], { at_ms, things }: Looked): Track[] {
  const open = tracks.filter(({ path }) => at_ms - (path.at(-1)?.[0] ?? 0) <= SAME_MS && at_ms > (path.at(-1)?.[0] ?? 0));
  const pairs = things
    .flatMap((thing, n) => open.map((track) => ({ n, track, like: likeness(thing.box, track.path.at(-1) as Point) })))
    .filter(({ like }) => like > 0)
    .sort((a, b) => b.like - a.like);
  const of = new Map<number, Track>();
  const used = new Set<Track>();
  for (const { n, track } of pairs)
    if (!of.has(n) && !used.has(track)) {
      of.set(n, track);
      used.add(track);
    }
  const now = things.map(({ box, score, label }, n): Track => {
    const before = of.get(n);
    const isNamed = label !== MOTION || !before;
    return {
      label: isNamed ? label : before.label,
      percent: isNamed ? score : before.percent,
      path: [...(before?.path ?? []), [at_ms, ...box] as const].slice(-KEPT),
    };
  });
  return [...open.filter((track) => !used.has(track)), ...now];
}

/** How well a box goes on from a point: 0 where they are further apart than they are large. */
function likeness([x0, y0, x1, y1]: Box, [, a0, b0, a1, b1]: Point): number {
  const size = Math.max(x1 - x0, y1 - y0, a1 - a0, b1 - b0);
  const apart = Math.hypot((x0 + x1 - a0 - a1) / 2, (y0 + y1 - b0 - b1) / 2);
  return size > 0 ? Math.max(0, 1 - apart / size) : 0;
}

export interface StoredObject {
  kind: string;
  label: string;
  /** 0 to 1. */
  score: number;
  path: readonly Point[];
}

export function trackOf({ kind, label, score, path }: StoredObject): Track {
  return { label: label || kind, percent: Math.round(100 * score), path };
}
