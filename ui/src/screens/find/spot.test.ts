import { describe, expect, it } from "vitest";
import { COLUMNS, HALF, ROWS, between, colours, nudged, readBox } from "./spot";

describe("a box on the picture", () => {
  it("lies between two points, whichever way it was drawn", () => {
    expect(between([0.6, 0.7], [0.2, 0.1])).toEqual([0.2, 0.1, 0.6, 0.7]);
  });

  it("is small around a press, and never leaves the picture", () => {
    const [x0, y0, x1, y1] = between([0, 1], [0, 1]);
    expect([x0, y1]).toEqual([0, 1]);
    expect(x1).toBeGreaterThan(0);
    expect(y0).toBeLessThan(1);
  });

  it("moves as far as the edge, and keeps its size", () => {
    expect(nudged(HALF, [0.1, 0], false)).toEqual([0.45, 0.35, 0.75, 0.65]);
    expect(nudged(HALF, [9, -9], false)).toEqual([0.7, 0, 1, 0.3]);
  });

  it("grows and shrinks by its corner, but not to nothing", () => {
    expect(nudged(HALF, [0.1, 0.1], true)).toEqual([0.35, 0.35, 0.75, 0.75]);
    const [x0, y0, x1, y1] = nudged(HALF, [-9, -9], true);
    expect(x1 - x0).toBeGreaterThan(0);
    expect(y1 - y0).toBeGreaterThan(0);
  });

  it("is read from the address, or is none", () => {
    expect(readBox("0.1,0.2,0.3,0.4")).toEqual([0.1, 0.2, 0.3, 0.4]);
    for (const text of [null, "", "1,2", "0.3,0.2,0.1,0.4", "0,0,2,1", "a,b,c,d"]) expect(readBox(text)).toBeNull();
  });
});

describe("where it moved", () => {
  it("is clear where nothing did, and brightest where most did", () => {
    const counts = Array.from({ length: COLUMNS * ROWS }, (_, place) => (place === 5 ? 100 : place === 6 ? 10 : 0));
    const made = colours(counts);
    expect([...made.slice(0, 4)][3]).toBe(0);
    expect([...made.slice(20, 24)]).toEqual([0xff, 0xc8, 0x87, 220]);
    expect(made[4 * 6 + 3]).toBeGreaterThan(60);
    expect(made[4 * 6 + 3]).toBeLessThan(220);
  });
});
