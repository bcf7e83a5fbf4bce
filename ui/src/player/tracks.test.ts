// @vitest-environment node
import { describe, expect, it } from "vitest";
import { AHEAD_MS, type Point, type Track, boxAt, followed, thingsAt, trackOf } from "./tracks";

const WALK: Point[] = [
  [1000, 0.1, 0.4, 0.2, 0.8],
  [2000, 0.3, 0.4, 0.4, 0.8],
  [2200, 0.34, 0.4, 0.44, 0.8],
];
const rounded = (box: readonly number[] | null) => box?.map((each) => Math.round(each * 1000) / 1000);

describe("a box", () => {
  it.each([
    [999, null],
    [1000, [0.1, 0.4, 0.2, 0.8]],
    [1250, [0.15, 0.4, 0.25, 0.8]],
    [2000, [0.3, 0.4, 0.4, 0.8]],
    [2100, [0.32, 0.4, 0.42, 0.8]],
    [2600, [0.34, 0.4, 0.44, 0.8]],
    [2601, null],
  ])("at %i lies between the points around it", (at_ms, expected) => {
    expect(rounded(boxAt(WALK, at_ms)) ?? null).toEqual(expected);
  });

  it("goes on a little ahead of the last look, live", () => {
    expect(rounded(boxAt(WALK, 2300, AHEAD_MS))).toEqual([0.36, 0.4, 0.46, 0.8]);
    expect(rounded(boxAt(WALK, 2600, AHEAD_MS))).toEqual([0.39, 0.4, 0.49, 0.8]);
    expect(boxAt(WALK.slice(0, 1), 1100, AHEAD_MS)).toEqual([0.1, 0.4, 0.2, 0.8]);
  });

  it("of nothing is none", () => {
    expect(boxAt([], 5)).toBeNull();
  });
});

describe("things of the past", () => {
  const track = trackOf({ kind: "person", label: "person", score: 0.914, path: WALK });

  it("have a trail of their feet until now", () => {
    const [thing] = thingsAt([track], 1500);
    expect([thing?.label, thing?.percent]).toEqual(["person", 91]);
    expect(thing?.trail.map(rounded)).toEqual([
      [0.15, 0.8],
      [0.25, 0.8],
    ]);
  });

  it("are gone after their end, and not there before", () => {
    expect([thingsAt([track], 500), thingsAt([track], 9000)]).toEqual([[], []]);
  });
});

describe("what is followed live", () => {
  const look = (at_ms: number, ...boxes: [number, number, string][]) => ({
    at_ms,
    things: boxes.map(([x, score, label]) => ({ box: [x, 0.4, x + 0.1, 0.8] as const, score, label })),
  });

  it("keeps two things apart that pass side by side, in whichever order they are told", () => {
    let tracks: Track[] = [];
    tracks = followed(tracks, look(1000, [0.1, 60, "motion"], [0.6, 60, "motion"]));
    tracks = followed(tracks, look(1200, [0.58, 60, "motion"], [0.14, 60, "motion"]));
    expect(tracks.map(({ path }) => path.map(([, x]) => x)).sort()).toEqual([
      [0.1, 0.14],
      [0.6, 0.58],
    ]);
  });

  it("keeps a name once it has one", () => {
    let tracks = followed([], look(1000, [0.1, 60, "motion"]));
    tracks = followed(tracks, look(1100, [0.12, 91, "person"]));
    tracks = followed(tracks, look(1200, [0.14, 55, "motion"]));
    expect(tracks.map(({ label, percent }) => [label, percent])).toEqual([["person", 91]]);
  });

  it("begins anew after a pause, far away, and after a step back of the clock", () => {
    const first = followed([], look(1000, [0.1, 60, "motion"]));
    expect(followed(first, look(3000, [0.1, 60, "motion"]))[0]?.path).toHaveLength(1);
    expect(followed(first, look(1100, [0.8, 60, "motion"]))).toHaveLength(2);
    expect(followed(first, look(900, [0.1, 60, "motion"]))[0]?.path).toHaveLength(1);
  });

  it("forgets what was long ago", () => {
    let tracks: Track[] = [];
    for (let n = 0; n < 100; n += 1) tracks = followed(tracks, look(n * 100, [0.1, 60, "motion"]));
    expect(tracks[0]?.path).toHaveLength(20);
  });
});
