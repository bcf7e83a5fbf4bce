import { describe, expect, it } from "vitest";
import type { Answer, Piece, Why } from "../api/pieces";
import { Pieces } from "./pieces";

const MIN = 60_000;
const NOW = 100 * MIN;
const piece = (from_min: number, more: Partial<Piece> = {}): Piece => ({
  ...{ id: `p${from_min}`, start_ms: from_min * MIN, end_ms: (from_min + 1) * MIN, video: "avc1.64001f", audio: "" },
  ...{ url: `/media/p${from_min}/play`, stream: "main", open: false },
  ...more,
});
const gap: Why = { begin_ms: 12 * MIN, end_ms: 31 * MIN, reason: "wifi", words: "Wi-Fi lost", detail: "", tone: "warn" };
const answer = (items: Piece[], more: Partial<Answer> = {}): Answer => ({ items, next_ms: null, gap: null, ...more });

describe("Pieces", () => {
  it("knows nothing before it is told", () => {
    expect(new Pieces().cover(5, NOW).is).toBe("unknown");
  });

  it("finds the piece of an instant, and takes the next one when that begins at once", () => {
    const pieces = new Pieces();
    pieces.learn(10 * MIN, answer([piece(10), piece(11, { start_ms: 11 * MIN + 400 })]), NOW);
    expect(pieces.at(10.5 * MIN)?.id).toBe("p10");
    expect(pieces.at(11 * MIN + 100)?.id).toBe("p11");
    expect(pieces.knownUntil(10 * MIN)).toBe(12 * MIN);
  });

  it("does not take a piece for what lies just before it, unless that was asked for", () => {
    const pieces = new Pieces();
    pieces.learn(10 * MIN + 100, answer([piece(10)]), NOW);
    expect(pieces.cover(10 * MIN - 50, NOW).is).toBe("unknown");
    pieces.learn(10 * MIN - 50, answer([piece(10)]), NOW);
    expect(pieces.cover(10 * MIN - 50, NOW)).toMatchObject({ is: "piece", piece: { id: "p10" } });
  });

  it("knows a hole with its reason from its beginning to the next video", () => {
    const pieces = new Pieces();
    pieces.learn(11 * MIN, answer([piece(11)]), NOW);
    pieces.learn(20 * MIN, answer([], { next_ms: 31 * MIN, gap }), NOW);
    for (const at of [12 * MIN + 5, 20 * MIN, 31 * MIN - 2000])
      expect(pieces.cover(at, NOW)).toMatchObject({ is: "hole", hole: { begin_ms: 12 * MIN, next_ms: 31 * MIN, why: gap } });
    expect(pieces.cover(31 * MIN + 5, NOW).is).toBe("unknown");
  });

  it("reads a first piece that begins later as a hole before it", () => {
    const pieces = new Pieces();
    pieces.learn(20 * MIN, answer([piece(31)], { gap }), NOW);
    expect(pieces.cover(25 * MIN, NOW)).toMatchObject({ is: "hole", hole: { next_ms: 31 * MIN } });
    expect(pieces.cover(31 * MIN, NOW)).toMatchObject({ is: "piece" });
  });

  it("reaches back to the recording before, or to the beginning of time where there is none", () => {
    const pieces = new Pieces();
    pieces.learn(20 * MIN, answer([], { next_ms: 31 * MIN, last_ms: 12 * MIN }), NOW);
    expect(pieces.cover(12 * MIN, NOW)).toMatchObject({ is: "hole", hole: { begin_ms: 12 * MIN, why: null } });
    expect(pieces.cover(12 * MIN - 5, NOW).is).toBe("unknown");
    pieces.learn(5 * MIN, answer([], { next_ms: 10 * MIN, last_ms: null }), NOW);
    expect(pieces.cover(-90 * MIN, NOW)).toMatchObject({ is: "hole", hole: { next_ms: 10 * MIN } });
  });

  it("begins a hole with a known reason where that begins", () => {
    const pieces = new Pieces();
    pieces.learn(20 * MIN, answer([], { next_ms: 31 * MIN, last_ms: 8 * MIN, gap }), NOW);
    expect(pieces.cover(12 * MIN, NOW)).toMatchObject({ is: "hole", hole: { begin_ms: 12 * MIN, why: gap } });
    expect(pieces.cover(10 * MIN, NOW).is).toBe("unknown");
  });

  it("doubts a hole that reaches the present after two seconds", () => {
    const pieces = new Pieces();
    pieces.learn(99 * MIN, answer([], { gap: { ...gap, end_ms: null } }), NOW);
    expect(pieces.cover(99 * MIN, NOW + 1000).is).toBe("hole");
    expect(pieces.cover(99 * MIN, NOW + 3000).is).toBe("unknown");
  });

  it("takes the time right after an open piece for its growing edge, unless there is a reason for a gap", () => {
    const pieces = new Pieces();
    pieces.learn(99 * MIN, answer([piece(99, { open: true, end_ms: 99.5 * MIN })]), NOW);
    pieces.learn(99.5 * MIN, answer([]), NOW);
    expect(pieces.cover(99.5 * MIN + 3000, NOW).is).toBe("edge");
    expect(pieces.edge_ms).toBe(99.5 * MIN);
    pieces.learn(99.5 * MIN, answer([], { gap: { ...gap, begin_ms: 99.5 * MIN, end_ms: null } }), NOW);
    expect(pieces.cover(99.5 * MIN + 1000, NOW).is).toBe("hole");
  });

  it("replaces an open piece by what became of it", () => {
    const pieces = new Pieces();
    pieces.learn(99 * MIN, answer([piece(99, { open: true, end_ms: 99.5 * MIN })]), NOW);
    pieces.learn(99 * MIN, answer([piece(99, { id: "closed" })]), NOW);
    expect(pieces.at(99.7 * MIN)?.id).toBe("closed");
    expect(pieces.edge_ms).toBeNull();
  });

  it("takes a piece of the other stream only where the asked one has none", () => {
    const pieces = new Pieces();
    pieces.learn(10 * MIN, answer([piece(10, { id: "sub", stream: "sub", start_ms: 10 * MIN - 102 })]), NOW);
    pieces.learn(10 * MIN, answer([piece(10, { end_ms: 10.5 * MIN })]), NOW);
    expect(pieces.at(10.2 * MIN)?.id).toBe("p10");
    expect(pieces.at(10.7 * MIN)?.id).toBe("sub");
    const small = new Pieces("sub");
    small.learn(10 * MIN, answer([piece(10), piece(10, { id: "sub", stream: "sub" })]), NOW);
    expect(small.at(10.2 * MIN)?.id).toBe("sub");
  });

  it("knows a hole inside a piece, where the camera sent nothing for a while; a short one is stepped over", () => {
    const pieces = new Pieces();
    pieces.learn(10 * MIN, answer([piece(10)]), NOW);
    pieces.learnInner(10.1 * MIN, 10.15 * MIN, NOW);
    pieces.learnInner(10.5 * MIN, 10.5 * MIN + 1_000, NOW);
    expect(pieces.cover(10.1 * MIN, NOW)).toMatchObject({ is: "hole", hole: { begin_ms: 10.1 * MIN, next_ms: 10.15 * MIN } });
    for (const at of [10.1 * MIN - 100, 10.15 * MIN, 10.5 * MIN + 500]) expect(pieces.cover(at, NOW).is).toBe("piece");
    expect(pieces.innerAt(10.5 * MIN + 500)?.next_ms).toBe(10.5 * MIN + 1_000);
  });
});
