/**
 * What a player knows of the recorded video of one stream: pieces (segments) and stretches where there is none.
 * Everything in UTC milliseconds; answers of `GET /cameras/{id}/play` add to it, and nothing is asked for twice.
 */
import type { Answer, Piece, Why } from "../api/pieces";

export interface Hole {
  /** Minus infinity when nothing was recorded before. */
  begin_ms: number;
  /** Start of the next recorded span; null when nothing more is recorded yet. */
  next_ms: number | null;
  why: Why | null;
  /** When this was learnt: a hole that reaches the present may have been filled since. */
  asked_ms: number;
}

type InnerHole = Hole & { next_ms: number };

export type Cover = { is: "piece"; piece: Piece } | { is: "hole"; hole: Hole } | { is: "edge"; piece: Piece } | { is: "unknown" };

/** Shorter holes are how pieces meet: playback steps over them. */
export const SEAM_MS = 1_500;
/** How far beyond an open piece time still counts as its growing edge. */
const EDGE_MS = 15_000;
const STALE_MS = 2_000;

export class Pieces {
  private pieces: Piece[] = [];
  private holes: Hole[] = [];
  /** Where a piece was asked for and one that begins a moment later was given: between them there is nothing. */
  private readonly seams = new Map<number, number>();
  /** Where a piece has no video although it goes on: the camera sent nothing for a moment. */
  private readonly inner: InnerHole[] = [];

  /** Of two pieces with the same time, that of this stream is taken. */
  constructor(private readonly stream: Piece["stream"] = "main") {}

  learn(at_ms: number, answer: Answer, now_ms: number): void {
    for (const item of answer.items) {
      this.pieces = this.pieces.filter((piece) => piece.id !== item.id && (piece.start_ms !== item.start_ms || piece.stream !== item.stream));
      this.pieces.push(item);
    }
    this.pieces.sort((a, b) => a.start_ms - b.start_ms);
    const first = answer.items[0];
    if (first && first.start_ms > at_ms && first.start_ms <= at_ms + SEAM_MS) this.seams.set(first.start_ms, at_ms);
    const next_ms = first === undefined ? answer.next_ms : first.start_ms > at_ms + SEAM_MS ? first.start_ms : undefined;
    this.holes = this.holes.filter((hole) => !(hole.begin_ms <= at_ms && (hole.next_ms ?? Number.POSITIVE_INFINITY) > at_ms));
    if (next_ms === undefined) return;
    const { gap, last_ms = at_ms } = answer;
    const begin_ms = Math.min(at_ms, gap?.begin_ms ?? (first ? at_ms : (last_ms ?? Number.NEGATIVE_INFINITY)));
    this.holes.push({ begin_ms: Math.max(begin_ms, this.endBefore(at_ms)), next_ms, why: gap, asked_ms: now_ms });
  }

  /** What was read of a piece has nothing between these instants. */
  learnInner(begin_ms: number, next_ms: number, now_ms: number): void {
    if (this.innerAt((begin_ms + next_ms) / 2)) return;
    this.inner.push({ begin_ms, next_ms, why: null, asked_ms: now_ms });
  }

  /** The hole inside a piece that holds this instant. */
  innerAt(at_ms: number): InnerHole | undefined {
    return this.inner.find((hole) => hole.begin_ms - 1 <= at_ms && at_ms < hole.next_ms);
  }

  /** The recorder no longer has it under this name: it was closed, or removed. */
  forget(id: string): void {
    this.pieces = this.pieces.filter((piece) => piece.id !== id);
  }

  cover(at_ms: number, now_ms: number): Cover {
    const inner = this.innerAt(at_ms);
    if (inner && inner.next_ms - inner.begin_ms > SEAM_MS) return { is: "hole", hole: inner };
    const piece = this.at(at_ms);
    if (piece) return { is: "piece", piece };
    const hole = this.holes.find((known) => known.begin_ms <= at_ms && at_ms < (known.next_ms ?? now_ms + STALE_MS));
    const last = this.pieces.findLast((known) => known.start_ms <= at_ms);
    const atEdge = last?.open && at_ms < last.end_ms + EDGE_MS;
    if (atEdge && !hole?.why && hole?.next_ms == null) return { is: "edge", piece: last };
    if (hole && (hole.next_ms !== null || now_ms - hole.asked_ms < STALE_MS)) return { is: "hole", hole };
    return atEdge ? { is: "edge", piece: last } : { is: "unknown" };
  }

  /** The piece that holds this instant, or begins so soon after what was before that nothing is missing. */
  at(at_ms: number): Piece | undefined {
    const own = this.pieces.find((known) => known.stream === this.stream && known.start_ms <= at_ms && at_ms < known.end_ms);
    if (own) return own;
    const next = this.pieces.findIndex((piece) => at_ms < piece.end_ms);
    const piece = this.pieces[next];
    if (!piece || piece.start_ms <= at_ms) return piece;
    const nothing_ms = this.seams.get(piece.start_ms) ?? this.pieces[next - 1]?.end_ms ?? Number.POSITIVE_INFINITY;
    return nothing_ms <= at_ms && piece.start_ms - nothing_ms <= SEAM_MS ? piece : undefined;
  }

  /** Where video begins from this instant on, in the piece that holds it; the instant itself where it has some. */
  videoFrom(at_ms: number): number {
    return this.innerAt(at_ms)?.next_ms ?? Math.max(at_ms, this.at(at_ms)?.start_ms ?? at_ms);
  }

  /** The piece that goes on where this one ends, as if nothing were missing. */
  after(piece: Piece): Piece | undefined {
    return this.pieces.find((known) => known.start_ms > piece.start_ms && known.start_ms - piece.end_ms <= SEAM_MS);
  }

  /** Up to where pieces follow each other from here on. */
  knownUntil(at_ms: number): number {
    let until = at_ms;
    for (let piece = this.at(until); piece; piece = this.at(until)) until = piece.end_ms;
    return until;
  }

  /** The newest instant known to be recorded in a piece that still grows. */
  get edge_ms(): number | null {
    return this.pieces.findLast((piece) => piece.open)?.end_ms ?? null;
  }

  private endBefore(at_ms: number): number {
    const before = this.pieces.findLast((piece) => piece.end_ms <= at_ms + SEAM_MS);
    return before ? before.end_ms : Number.NEGATIVE_INFINITY;
  }
}
