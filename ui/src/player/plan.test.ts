import { describe, expect, it } from "vitest";
import type { Piece } from "../api/pieces";
import { Pieces } from "./pieces";
import { AHEAD_MS, BEHIND_MS, type Known, type Range, bufferedUntil, drainedKey, excess, holesFound, isBuffered, nextStep } from "./plan";

const MIN = 60_000;
const NOW = 100 * MIN;
const piece = (from_min: number, more: Partial<Piece> = {}): Piece => ({
  ...{ id: `p${from_min}`, start_ms: from_min * MIN, end_ms: (from_min + 1) * MIN, video: "avc1.64001f", audio: "" },
  ...{ url: "", stream: "main", open: false },
  ...more,
});
const known = (items: Piece[], buffered: Range[], drained: [Piece, number][] = []): Known => {
  const pieces = new Pieces();
  if (items[0]) pieces.learn(items[0].start_ms, { items, next_ms: null, gap: null }, NOW);
  return { pieces, buffered, drained: new Map(drained.map(([each, led]) => [drainedKey(each), led])), now_ms: NOW, asked_ms: 0 };
};

describe("what is buffered", () => {
  const ranges: Range[] = [[0, 10_000], [10_400, 20_000], [40_000, 50_000]];

  it("reaches over seams, not over holes", () => {
    expect(bufferedUntil(ranges, 5000)).toBe(20_000);
    expect(bufferedUntil(ranges, 30_000)).toBe(30_000);
  });

  it("takes what begins a moment later, unless that is another piece", () => {
    expect(isBuffered(ranges, 39_980)).toBe(true);
    expect(isBuffered(ranges, 39_980, 40_000)).toBe(false);
    expect(bufferedUntil(ranges, 39_980, 40_000)).toBe(39_980);
  });

  it("holds an instant or not", () => {
    expect(isBuffered(ranges, 9_999)).toBe(true);
    expect(isBuffered(ranges, 10_100)).toBe(false);
  });
});

describe("nextStep", () => {
  const [a, b] = [piece(10), piece(11)];

  it("asks when nothing is known", () => {
    expect(nextStep(10 * MIN, known([], []), 1, true)).toEqual({ is: "ask", at_ms: 10 * MIN });
  });

  it("fetches from where the buffer ends", () => {
    expect(nextStep(10 * MIN, known([a, b], []), 1, true)).toEqual({ is: "fetch", piece: a, from_ms: 10 * MIN });
    const half = known([a, b], [[10 * MIN, 10.2 * MIN]]);
    expect(nextStep(10 * MIN, half, 1, true)).toEqual({ is: "fetch", piece: a, from_ms: 10.2 * MIN });
  });

  it("rests with 30 s ahead and goes on below 15 s; more at higher speed", () => {
    const full = known([a, b], [[10 * MIN, 10 * MIN + AHEAD_MS]]);
    expect(nextStep(10 * MIN, full, 1, true).is).toBe("rest");
    expect(nextStep(10 * MIN + 10_000, full, 1, false).is).toBe("rest");
    expect(nextStep(10 * MIN + 16_000, full, 1, false).is).toBe("fetch");
    expect(nextStep(10 * MIN, full, 4, true).is).toBe("fetch");
  });

  it("does not fetch again for a hole in a piece: it goes on behind that", () => {
    const holed = known([a, b], [[10 * MIN, 10.1 * MIN], [10.15 * MIN, 10.2 * MIN]]);
    holed.pieces.learnInner(10.1 * MIN, 10.15 * MIN, NOW);
    for (const at of [10 * MIN, 10.1 * MIN, 10.12 * MIN])
      expect(nextStep(at, holed, 1, true)).toEqual({ is: "fetch", piece: a, from_ms: 10.2 * MIN });
  });

  it("goes to the next piece when this one had less than it said", () => {
    const short = known([a, b], [[10 * MIN, 10.9 * MIN]], [[a, 10.9 * MIN]]);
    expect(nextStep(10.8 * MIN, short, 1, true)).toEqual({ is: "fetch", piece: b, from_ms: 11 * MIN });
  });

  it("goes on behind what can give no more, and asks for nothing twice", () => {
    const still = known([a, b], [[11 * MIN, 12 * MIN]], [[a, a.start_ms]]);
    expect(nextStep(10.5 * MIN, still, 1, true).is).toBe("rest");
    const tail = known([a, b], [[10 * MIN, 10.99 * MIN], [11 * MIN, 11.2 * MIN]], [[a, 10.99 * MIN]]);
    expect(nextStep(10.995 * MIN, tail, 1, true)).toEqual({ is: "fetch", piece: b, from_ms: 11.2 * MIN });
  });

  it("fetches an open piece again once it has grown, and asks about it at most once in a while", () => {
    const open = piece(99, { open: true, end_ms: 99.5 * MIN });
    const read = known([open], [[99 * MIN, 99.5 * MIN]], [[open, 99.5 * MIN]]);
    expect(nextStep(99.4 * MIN, read, 1, true)).toEqual({ is: "ask", at_ms: 99.5 * MIN });
    expect(nextStep(99.4 * MIN, { ...read, asked_ms: NOW - 100 }, 1, true).is).toBe("rest");
    read.pieces.learn(99 * MIN, { items: [{ ...open, end_ms: 99.6 * MIN }], next_ms: null, gap: null }, NOW);
    expect(nextStep(99.4 * MIN, read, 1, true)).toMatchObject({ is: "fetch", from_ms: 99.5 * MIN });
  });
});

describe("excess", () => {
  it("is what lies more than a minute behind or far ahead", () => {
    const at = 10 * MIN;
    expect(excess([[at - 2 * BEHIND_MS, at + 5000], [at + 5 * MIN, at + 6 * MIN]], at, 1)).toEqual([
      [at - 2 * BEHIND_MS, at - BEHIND_MS],
      [at + 5 * MIN, at + 6 * MIN],
    ]);
  });
});

describe("holesFound", () => {
  it("are between what came in one go, whatever was asked for first", () => {
    const before: Range[] = [[40_000, 45_000]];
    expect(holesFound(before, [[40_000, 45_000], [48_000, 49_000]], 45_000)).toEqual([[45_000, 48_000]]);
    expect(holesFound(before, [[40_000, 45_000], [48_000, 49_000]], 46_500)).toEqual([[45_000, 48_000]]);
  });

  it("are not what lies before, was never asked for, or was given back", () => {
    expect(holesFound([[0, 10_000]], [[0, 10_000], [40_000, 41_000]], 40_000)).toEqual([]);
    expect(holesFound([[0, 10_000], [60_000, 90_000]], [[0, 12_000], [60_000, 90_000]], 10_000)).toEqual([]);
    expect(holesFound([[0, 10_000], [60_000, 90_000]], [[0, 12_000], [60_000, 80_000]], 10_000)).toEqual([]);
    expect(holesFound([[0, 10_000]], [[0, 10_000]], 5_000)).toEqual([]);
  });

  it("are longer than the time between two pictures", () => {
    expect(holesFound([[0, 10_000]], [[0, 10_000], [10_050, 11_000]], 9_000)).toEqual([]);
  });
});
