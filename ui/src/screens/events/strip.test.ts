// @vitest-environment node
import { describe, expect, it } from "vitest";
import { countOf, frameAt, frameOf, frameStyle, timesOf } from "./strip";

describe("a filmstrip", () => {
  it.each([
    [960, 180, 3],
    [1920, 180, 6],
    [1600, 240, 5],
    [960, 427, 3],
    [528, 99, 3],
    [10, 0, 6],
  ])("of %i by %i px has %i frames", (width, height, count) => {
    expect(countOf(width, height)).toBe(count);
  });

  it.each([
    [1000, 3, [0, 700, 1400]],
    [2000, 3, [0, 700, 1400]],
    [4100, 6, [0, 700, 1400, 2100, 2800, 3500]],
    [4300, 4, [0, 1400, 2800, 4200]],
    [60_000, 6, [0, 11_200, 22_400, 33_600, 44_800, 56_000]],
  ])("of %i ms with %i frames has them at the times at which the recorder takes them", (long_ms, count, times) => {
    expect(timesOf({ start_ms: 0, end_ms: long_ms }, count)).toEqual(times);
  });

  it("is turned over by a pointer that moves across", () => {
    expect([-0.1, 0, 0.24, 0.25, 0.99, 1.2].map((share) => frameAt(share, 4))).toEqual([0, 0, 0, 1, 3, 3]);
  });

  it("marks the frame that plays", () => {
    expect([-5, 0, 699, 700, 9000].map((at) => frameOf([0, 700, 1400], at))).toEqual([0, 0, 0, 1, 2]);
  });

  it("shows one frame of its image", () => {
    const style = (frame: number) => frameStyle({ address: "/strip", count: 5, aspect: 16 / 9 }, frame);
    expect([0, 2, 4].map((frame) => style(frame).backgroundPosition)).toEqual(["0% 0", "50% 0", "100% 0"]);
    expect(style(0).backgroundSize).toBe("500% 100%");
  });
});
