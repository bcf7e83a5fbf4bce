import { describe, expect, it } from "vitest";
import { type Happening, type Lane, NO_MOTION, crosses, decodeScores, eventBeside, gapAt, greatest, withEvent, withGap, withScore, withSpan } from "./data";

const event = (id: string, start_ms: number): Happening => ({
  ...{ id, start_ms, camera: "front", kind: "motion", end_ms: start_ms + 5000, title: "", picture: null, kept: false },
});
const lane = (events: Happening[]): Lane => ({ id: "front", name: "Front", spans: [], gaps: [], damage: [], events, motion: NO_MOTION });

describe("a finger that scrubs", () => {
  const lane = {
    spans: [[100, 200], [300, 400]] as [number, number][],
    events: [{ id: "a", camera: "c", kind: "person", start_ms: 150, end_ms: null, title: "", picture: null, kept: false }],
  };
  it.each([
    [110, 140, false],
    [140, 160, true],
    [160, 140, true],
    [190, 210, true],
    [210, 290, false],
    [310, 290, true],
    [150, 150, false],
  ])("from %d to %d passes an event or an edge: %s", (from, to, is) => expect(crosses(lane, from, to)).toBe(is));
});

describe("motion", () => {
  const motion = { begin_ms: 10_000, step_s: 2, scores: decodeScores(btoa(String.fromCharCode(10, 255, 80, 0))) };

  it("gives the greatest of a range, leaving out what was not watched", () => {
    expect(greatest(motion, 10_000, 14_000)).toBe(10);
    expect(greatest(motion, 10_000, 18_000)).toBe(80);
    expect(greatest(motion, 0, 10_000)).toBe(0);
    expect(greatest(motion, 18_000, 60_000)).toBe(0);
  });

  it("gives the step's score for a range shorter than a step", () => {
    expect(greatest(motion, 14_100, 14_200)).toBe(80);
  });

  it("grows by new seconds, keeping the greater", () => {
    const grown = withScore(withScore(motion, 21_500, 30), 21_000, 20);
    expect([...grown.scores]).toEqual([10, 255, 80, 0, 255, 30]);
    expect(motion.scores.length).toBe(4);
  });
});

describe("spans", () => {
  it("join those they touch", () => {
    expect(withSpan([[0, 60_000]], [60_010, 120_000])).toEqual([[0, 120_000]]);
    expect(withSpan([[0, 10], [90_000, 95_000]], [50_000, 60_000])).toEqual([[0, 10], [50_000, 60_000], [90_000, 95_000]]);
    expect(withSpan([[0, 10_000], [20_000, 30_000]], [9_000, 21_000])).toEqual([[0, 30_000]]);
  });
});

describe("gaps and events", () => {
  const gap = { begin_ms: 5000, end_ms: null, reason: "wifi", words: "Wi-Fi lost", detail: "", tone: "warn" as const };

  it("an open gap holds the present, a closed one does not", () => {
    expect(gapAt([gap], 9_999_999)).toBe(gap);
    expect(gapAt([{ ...gap, end_ms: 6000 }], 6000)).toBeUndefined();
  });

  it("a gap that ends replaces itself", () => {
    expect(withGap([gap], { ...gap, end_ms: 7000 })).toEqual([{ ...gap, end_ms: 7000 }]);
  });

  it("an event that changes replaces itself", () => {
    expect(withEvent([event("a", 9), event("b", 1)], event("a", 0)).map((e) => e.id)).toEqual(["a", "b"]);
  });

  it("next and previous are over all lanes", () => {
    const lanes = [lane([event("a", 10_000), event("c", 30_000)]), lane([event("b", 20_000)])];
    expect(eventBeside(lanes, 10_000, "next")?.id).toBe("b");
    expect(eventBeside(lanes, 30_000, "previous")?.id).toBe("b");
    expect(eventBeside(lanes, 30_000, "next")).toBeUndefined();
  });
});
