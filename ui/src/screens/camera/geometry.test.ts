import { describe, expect, it } from "vitest";
import { type Point, crossesItself, inserted, middle, moved, rectangle, removed, shifted } from "./geometry";

const square = rectangle([0.2, 0.2], [0.6, 0.6]);

describe("polygons", () => {
  it("stay in the picture", () => {
    expect(moved(square, 0, [-1, 0.3])[0]).toEqual([0, 0.3]);
    expect(shifted(square, 0.9, -0.9)).toEqual(rectangle([0.6, 0], [1, 0.4]));
  });

  it("get a point on an edge, or where it was pressed", () => {
    expect(inserted(square, 0)[1]).toEqual([0.4, 0.2]);
    expect(inserted(square, 3, [0.2, 0.5])[4]).toEqual([0.2, 0.5]);
    expect(inserted(square, 0)).toHaveLength(5);
    expect(removed(inserted(square, 0), 1)).toEqual(square);
  });

  it("may not cross themselves", () => {
    const bow: Point[] = [
      [0, 0],
      [1, 1],
      [1, 0],
      [0, 1],
    ];
    expect(crossesItself(bow)).toBe(true);
    expect(crossesItself(square)).toBe(false);
    expect(crossesItself(moved(square, 0, [0.9, 0.5]))).toBe(true);
  });

  it("are drawn in either direction", () => {
    expect(rectangle([0.6, 0.6], [0.2, 0.2])).toEqual(square);
    expect(middle(square).map((each) => each.toFixed(3))).toEqual(["0.400", "0.400"]);
  });
});
