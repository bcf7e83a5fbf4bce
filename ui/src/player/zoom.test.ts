import { expect, test } from "vitest";
import { WHOLE, moved, mostOf, zoomed } from "./zoom";

const frame = { width: 960, height: 540 };

test("what is under the pointer stays under it", () => {
  const at = { x: 300, y: 200 };
  const now = zoomed(zoomed(WHOLE, 3, at, frame, 8), 1.5, at, frame, 8);
  expect(now.scale).toBeCloseTo(4.5);
  expect([(at.x - now.x) / now.scale, (at.y - now.y) / now.scale]).toEqual([
    expect.closeTo(300, 6),
    expect.closeTo(200, 6),
  ]);
});

test("it ends where single pixels of the camera can be told apart", () => {
  expect(mostOf(frame, { width: 3840, height: 2160 })).toBe(16);
  expect(mostOf(frame, { width: 320, height: 180 })).toBe(4);
  expect(zoomed(WHOLE, 100, { x: 0, y: 0 }, frame, 16).scale).toBe(16);
});

test("no edge comes into the frame", () => {
  const now = zoomed(WHOLE, 2, { x: 480, y: 270 }, frame, 8);
  expect(moved(now, 5000, -5000, frame)).toEqual({ scale: 2, x: 0, y: -540 });
});

test("out again, the whole picture is shown", () => {
  expect(zoomed({ scale: 2, x: -900, y: -100 }, 0.4, { x: 10, y: 10 }, frame, 8)).toEqual(WHOLE);
});
