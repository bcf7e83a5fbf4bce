import { describe, expect, it } from "vitest";
import { type Lens, boxInView, opticsOf, toImage, toView } from "./lens";
import { closer, lookingAt, turnedBy } from "./look";

const usual: Lens = { kind: "fisheye", k1: -0.3, k2: 0.05, mount: "ceiling", field: 180, center_x: 0.5, center_y: 0.5, radius: 0.5, pan: 0, tilt: 45, view: 90 };
const WIDE = 16 / 9;

describe.each<[string, Partial<Lens>]>([
  ["wide", { kind: "wide" }],
  ["pincushion", { kind: "wide", k1: 0.2, k2: 0 }],
  ["ceiling", {}],
  ["ceiling, straight down", { tilt: 0 }],
  ["ceiling, behind", { pan: 170, tilt: 60, view: 50 }],
  ["wall", { mount: "wall", tilt: 10, pan: -30 }],
  ["off center", { center_x: 0.45, center_y: 0.55, radius: 0.48, field: 190 }],
])("%s", (_, more) => {
  const of = opticsOf({ ...usual, ...more }, WIDE, 1.5);
  it.each([[0.5, 0.5], [0.4, 0.6], [0.7, 0.55]] as const)("what is seen at %f, %f is shown there", (x, y) => {
    const at = toImage(of, [x, y]);
    expect(at).not.toBeNull();
    const back = toView(of, at ?? [0, 0]);
    expect(back?.[0]).toBeCloseTo(x, 4);
    expect(back?.[1]).toBeCloseTo(y, 4);
  });
});

it("straight down, the middle is the middle, and further out is nearer to the edge of the circle", () => {
  const of = opticsOf({ ...usual, tilt: 0 }, WIDE, WIDE);
  expect(toImage(of, [0.5, 0.5])).toEqual([0.5, 0.5]);
  const [x = 0, y = 0] = toImage(of, [1, 0.5]) ?? [];
  expect(y).toBeCloseTo(0.5);
  expect(x).toBeCloseTo(0.5 + 0.25 / WIDE); // 45 of 90 degrees: half of the radius
});

it("at a ceiling, up in the view is away from straight down, wherever it looks", () => {
  for (const pan of [0, 90, 180, -60]) {
    const of = opticsOf({ ...usual, pan }, WIDE, WIDE);
    const off = (y: number) => {
      const [px = 0, py = 0] = toImage(of, [0.5, y]) ?? [];
      return Math.hypot((px - 0.5) * WIDE, py - 0.5);
    };
    expect(off(0.3)).toBeGreaterThan(off(0.5));
    expect(off(0.5)).toBeGreaterThan(off(0.7));
  }
});

it("on a wall, left is left", () => {
  const of = opticsOf({ ...usual, mount: "wall", tilt: 0 }, WIDE, WIDE);
  expect(toImage(of, [0.2, 0.5])?.[0]).toBeLessThan(0.5);
});

it("no edge of a wide image is seen", () => {
  for (const k1 of [-0.5, -0.2, 0.2])
    for (const corner of [[0, 0], [1, 0], [0.5, 0], [0, 0.5]] as const) expect(toImage(opticsOf({ ...usual, kind: "wide", k1, k2: 0 }, WIDE, WIDE), corner)).not.toBeNull();
});

it("a box is where its thing is, and nowhere behind the view", () => {
  const of = opticsOf({ ...usual, mount: "wall", tilt: 0 }, WIDE, WIDE);
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = boxInView(of, [0.48, 0.45, 0.52, 0.55]) ?? [];
  expect([x0 + x1, y0 + y1]).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)]);
  expect(boxInView(opticsOf({ ...usual, mount: "wall", tilt: 0, pan: 90 }, WIDE, WIDE), [0.25, 0.4, 0.3, 0.5])).toBeNull();
});

describe.each(["ceiling", "wall"] as const)("a view that is turned by hand, %s", (mount) => {
  const lens: Lens = { ...usual, mount, tilt: mount === "wall" ? 0 : 60 };
  const spotOf = (now: Lens) => toImage(opticsOf(now, WIDE, 1.5), [0.5, 0.5]) ?? [0, 0];
  it.each([
    [10, 0],
    [0, 10],
    [-8, -6],
  ])("shows what was %f° to the right and %f° down", (right, down) => {
    const [x, y] = toView(opticsOf(lens, WIDE, 1.5), spotOf(turnedBy(lens, right, down))) ?? [0, 0];
    expect(Math.sign(Math.round((x - 0.5) * 50))).toBe(Math.sign(right));
    expect(Math.sign(Math.round((y - 0.5) * 50))).toBe(Math.sign(down));
  });
  it("looks at a spot of the image", () => {
    const [x, y] = spotOf(lookingAt(lens, WIDE, [0.55, 0.35]));
    expect(x).toBeCloseTo(0.55, 5);
    expect(y).toBeCloseTo(0.35, 5);
  });
  it("turns past its pole and around, and never beyond its limits", () => {
    const far = turnedBy(lens, 500, 500);
    expect(Math.abs(far.pan)).toBeLessThanOrEqual(180);
    expect(Math.abs(far.tilt)).toBeLessThanOrEqual(90);
    expect([closer(lens, 100).view, closer(lens, 0.01).view]).toEqual([20, 130]);
  });
});
