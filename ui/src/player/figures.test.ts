import { describe, expect, it } from "vitest";
import type { Figure, TawnyEvent } from "../api/types";
import { boxedAt, clipsOf, figureAt, figuresText, isInClip, recorderTime } from "./figures";

const at = (at_ms: number, number: number): Figure => ({ at_ms, number, level: 400, things: [] });
const some = [at(1000, 742), at(1100, 743), at(5000, 3)];

describe("figures", () => {
  it.each([
    [999, 742],
    [1000, 742],
    [1099, 742],
    [1100, 743],
    [4999, 743],
    [9000, 3],
  ])("at %d is the newest before it", (ms, number) => {
    expect(figureAt(some, ms)?.number).toBe(number);
  });

  it.each([
    [999, undefined],
    [1000, 742],
    [1500, 743],
    [1501, undefined],
    [4999, undefined],
    [5400, 3],
  ])("have their boxes at %d from their frame on", (ms, number) => {
    expect(boxedAt(some, ms)?.number).toBe(number);
  });

  it("are none of nothing", () => {
    expect(figureAt([], 5)).toBeNull();
  });

  it.each([
    [at(1000, 742), 1500, "000742/000400"],
    [at(1000, 742), 2300, "000000/000400"],
    [at(1000, 742), 900, "000000/000400"],
    [at(1000, 3.5), 1000, "003.50/000400"],
    [at(1000, 12_000_000), 1000, "999999/000400"],
  ])("are written with six digits", (figure, ms, text) => {
    expect(figuresText(figure, ms)).toBe(text);
  });

  it("have the time of the picture by the recorder's clock", () => {
    expect(recorderTime(Date.UTC(2026, 10, 20, 5, 58, 12, 5), "Europe/Berlin")).toBe("2026-11-20 06:58:12.005");
  });

  it("are in a clip from its first to its last second", () => {
    const event = (start_ms: number, end_ms: number | null) => ({ camera: "porch", start_ms, end_ms }) as TawnyEvent;
    const rolls = { pre_s: 3, post_s: 2 };
    const [over, goesOn] = [clipsOf([event(10_000, 12_000)], "porch", rolls), clipsOf([event(10_000, null)], "porch", rolls)];
    expect([6_999, 7_000, 13_999, 14_000].map((ms) => isInClip(over, ms))).toEqual([false, true, true, false]);
    expect(isInClip(goesOn, 900_000)).toBe(true);
    expect(clipsOf([event(1, 2)], "yard", rolls)).toEqual([]);
  });
});
