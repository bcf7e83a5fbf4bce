/** What a player should do next to have video from its position on. Pure: decided from values, tried without a browser. */
import { type Piece, type Pieces, SEAM_MS } from "./pieces";

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

/** The end of what is buffered from here without a hole that matters; the position itself when nothing is. */
export function bufferedUntil(buffered: readonly Range[], at_ms: number): number {
  let until = at_ms;
  for (const [begin, end] of buffered) if (begin <= until + (until === at_ms ? TOUCH_MS : SEAM_MS) && end > until) until = end;
  return until;
}

export const isBuffered = (buffered: readonly Range[], at_ms: number): boolean =>
  buffered.some(([begin, end]) => begin <= at_ms + TOUCH_MS && at_ms < end);

export function nextStep(at_ms: number, known: Known, speed: number, filling: boolean): Step {
  const until = bufferedUntil(known.buffered, at_ms);
  const wanted = (filling ? AHEAD_MS : REFILL_MS) * Math.max(1, speed);
  if (until - at_ms >= wanted) return { is: "rest" };
  const from_ms = beyondDrained(until, known);
  const cover = known.pieces.cover(from_ms, known.now_ms);
  if (cover.is === "piece") return { is: "fetch", piece: cover.piece, from_ms: Math.max(from_ms, cover.piece.start_ms) };
  if (cover.is === "hole") return { is: "rest" };
  if (cover.is === "edge" && known.now_ms - known.asked_ms < EDGE_EVERY_MS) return { is: "rest" };
  return { is: "ask", at_ms: from_ms };
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

function beyondDrained(until: number, { pieces, drained }: Known): number {
  let from = until;
  for (let piece = pieces.at(from); piece; piece = pieces.at(from)) {
    const led = drained.get(drainedKey(piece));
    if (led === undefined || from < led - TOUCH_MS || from >= piece.end_ms) break;
    from = piece.end_ms;
  }
  return from;
}
