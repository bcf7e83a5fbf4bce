/** What a player should do next to have video from its position on. Pure: decided from values, tried without a browser. */
import type { Piece } from "../api/pieces";
import { type Pieces, SEAM_MS } from "./pieces";

export const AHEAD_MS = 30_000;
export const BEHIND_MS = 60_000;
/** Filling begins again when less than this is left, so that requests are few and long. */
export const REFILL_MS = 15_000;

export type Range = readonly [begin_ms: number, end_ms: number];

export type Step =
  | { is: "fetch"; piece: Piece; from_ms: number }
  | { is: "ask"; at_ms: number }
  /** There is no more for now. */
  | { is: "rest" };

export interface Known {
  pieces: Pieces;
  buffered: readonly Range[];
  /** How far each piece led when all of it had been read; pieces may end before they say. By `drainedKey`. */
  drained: ReadonlyMap<string, number>;
  now_ms: number;
  /** When the growing edge was last asked about. */
  asked_ms: number;
}

const EDGE_EVERY_MS = 900;
const TOUCH_MS = 60;

/**
 * The end of what is buffered from here without a hole that matters; the position itself when nothing is. A range that
 * begins a moment later counts as well, but not from `limit_ms` on: it belongs to another piece.
 */
export function bufferedUntil(buffered: readonly Range[], at_ms: number, limit_ms = Number.POSITIVE_INFINITY): number {
  let until = at_ms;
  for (const [begin, end] of buffered) {
    const joins = until === at_ms ? touches(begin, at_ms, limit_ms) : begin <= until + SEAM_MS;
    if (joins && end > until) until = end;
  }
  return until;
}

export const isBuffered = (buffered: readonly Range[], at_ms: number, limit_ms = Number.POSITIVE_INFINITY): boolean =>
  buffered.some(([begin, end]) => touches(begin, at_ms, limit_ms) && at_ms < end);

export const isNear = (buffered: readonly Range[], at_ms: number, by_ms: number): boolean =>
  buffered.some(([begin, end]) => begin < at_ms + by_ms && at_ms < end + by_ms);

export function nextStep(at_ms: number, known: Known, speed: number, filling: boolean): Step {
  const from_ms = filledUntil(at_ms, known);
  if (from_ms - at_ms >= (filling ? AHEAD_MS : REFILL_MS) * Math.max(1, speed)) return { is: "rest" };
  const cover = known.pieces.cover(from_ms, known.now_ms);
  if (cover.is === "piece") return { is: "fetch", piece: cover.piece, from_ms: Math.max(from_ms, cover.piece.start_ms) };
  if (cover.is === "hole") return { is: "rest" };
  if (cover.is === "edge" && known.now_ms - known.asked_ms < EDGE_EVERY_MS) return { is: "rest" };
  return { is: "ask", at_ms: from_ms };
}

/** Where what is recorded has to be asked about, for who only wants to know and fetches nothing; null: enough is known. */
export function nextAsk(at_ms: number, speed: number, { pieces, now_ms, asked_ms }: Pick<Known, "pieces" | "now_ms" | "asked_ms">): number | null {
  if (at_ms === 0) return null;
  if (speed < 0) {
    const before_ms = at_ms + 20_000 * speed;
    return [at_ms, before_ms].find((each) => pieces.cover(each, now_ms).is === "unknown") ?? null;
  }
  const until = pieces.knownUntil(at_ms);
  const cover = pieces.cover(until, now_ms);
  if (until - at_ms > 20_000 * Math.max(1, speed) || cover.is === "hole") return null;
  return cover.is === "edge" && now_ms - asked_ms < EDGE_EVERY_MS ? null : until;
}

/** Time to give back: all that is not near the position. */
export function excess(buffered: readonly Range[], at_ms: number, speed: number): Range[] {
  const keep: Range = [at_ms - BEHIND_MS, at_ms + AHEAD_MS * Math.max(1, speed) + BEHIND_MS];
  return buffered.flatMap(([begin, end]): Range[] => [
    ...(begin < keep[0] ? [[begin, Math.min(end, keep[0])] as Range] : []),
    ...(end > keep[1] ? [[Math.max(begin, keep[1]), end] as Range] : []),
  ]);
}

/** A piece that has grown is another one. */
export const drainedKey = (piece: Piece): string => `${piece.id} ${piece.end_ms}`;

/**
 * Where there is nothing in what came of a piece in one go, from `from_ms` or a little before it: what was buffered
 * before its last part, and after it.
 */
export function holesFound(before: readonly Range[], after: readonly Range[], from_ms: number): Range[] {
  const [last = 0] = after.findLast(([begin, end]) => !before.some((known) => known[0] <= begin && end <= known[1])) ?? [];
  return after.flatMap(([begin], at): Range[] => {
    const end = after[at - 1]?.[1] ?? begin;
    return begin <= last && begin > from_ms + TOUCH_MS && begin - end > TOUCH_MS ? [[end, begin]] : [];
  });
}

const touches = (begin: number, at_ms: number, limit_ms: number): boolean =>
  begin <= at_ms || (begin <= at_ms + TOUCH_MS && begin < limit_ms);

/** From where on something is missing that could be had: pieces that gave all they have are passed over. */
function filledUntil(at_ms: number, known: Known): number {
  let from = at_ms;
  for (;;) {
    const piece = known.pieces.at(from);
    const begin = known.pieces.videoFrom(from);
    const beyond = beyondDrained(bufferedUntil(known.buffered, begin, piece?.end_ms ?? from), known);
    if (beyond === from) return from;
    from = beyond;
  }
}

function beyondDrained(until: number, { pieces, drained }: Known): number {
  let from = until;
  for (let piece = pieces.at(from); piece; piece = pieces.at(from)) {
    const led = drained.get(drainedKey(piece));
    if (led === undefined || from < led - TOUCH_MS || from >= piece.end_ms) break;
    from = piece.end_ms;
  }
  return from;
}
