import { describe, expect, it } from "vitest";
import { DEFAULTS, isNight, readOptions, shiftAt } from "./wallScreen";

describe("a screen on the wall", () => {
  it.each([
    [21 * 60 + 59, false],
    [22 * 60, true],
    [0, true],
    [5 * 60 + 59, true],
    [6 * 60, false],
  ])("is dark in minute %d: %s", (minute, is) => expect(isNight(minute, DEFAULTS)).toBe(is));

  it("is never dark when it is not to be, or for no time", () => {
    expect(isNight(0, { ...DEFAULTS, dims: false })).toBe(false);
    expect(isNight(600, { ...DEFAULTS, from: 600, to: 600 })).toBe(false);
    expect(isNight(700, { ...DEFAULTS, from: 600, to: 800 })).toBe(true);
  });

  it("moves every minute, by a few pixels, and comes back", () => {
    const places = Array.from({ length: 32 }, (_, minute) => shiftAt(minute));
    for (const [minute, { x, y }] of places.entries()) {
      expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThanOrEqual(4);
      expect(shiftAt(minute + 1)).not.toEqual({ x, y });
    }
    expect(new Set(places.map(({ x }) => x)).size).toBe(3);
    expect(new Set(places.map(({ y }) => y)).size).toBe(3);
    expect(shiftAt(16)).toEqual(shiftAt(0));
  });

  it("takes what is stored only where it makes sense", () => {
    expect(readOptions(null)).toEqual(DEFAULTS);
    expect(readOptions("nonsense")).toEqual(DEFAULTS);
    expect(readOptions("null")).toEqual(DEFAULTS);
    expect(readOptions('{"from": 99999, "to": "x", "alert_s": 60, "dims": false}')).toEqual({ ...DEFAULTS, alert_s: 60, dims: false });
  });
});
