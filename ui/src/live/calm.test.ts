import { describe, expect, it } from "vitest";
import { CalmPace } from "./calm";

const P = 66.7;

/** The rate after its mean came to lie so far behind the edge. */
function rateAt(pace: CalmPace, behind_s: number): number {
  let rate = 1;
  for (let n = 0; n < 40; n += 1) rate = pace.next(10, 10 - behind_s, true).rate;
  return rate;
}

describe("the pace of one picture of many", () => {
  it("begins at the edge, and jumps there from far away", () => {
    const pace = new CalmPace();
    expect(pace.next(10, 0, false)).toEqual({ jump_s: 10, rate: 1 });
    expect(pace.next(10, 8.9, true)).toEqual({ jump_s: 10, rate: 1 });
    expect(pace.next(3, 9, true)).toEqual({ jump_s: 3, rate: 1 });
  });

  it("is even where pictures come unevenly", () => {
    const pace = new CalmPace();
    const rates = Array.from({ length: 60 }, (_, n) => pace.next(10, 9.96 + (n % 2 ? 0.07 : -0.07), true).rate);
    expect(new Set(rates)).toEqual(new Set([1]));
  });

  it("is faster or slower until it is back, and no further", () => {
    const pace = new CalmPace();
    expect(rateAt(pace, 0.15)).toBe(1.06);
    expect(rateAt(pace, 0.08)).toBe(1.06);
    expect(rateAt(pace, 0.04)).toBe(1);
    expect(rateAt(pace, 0.08)).toBe(1);
    expect(rateAt(pace, 0.3)).toBe(1.15);
    expect(rateAt(new CalmPace(), -0.08)).toBe(0.95);
  });

  it("is moved by as much as its pictures are late, or early, in half a second", () => {
    const pace = new CalmPace();
    rateAt(pace, 0.05);
    pace.move(10, P);
    expect(rateAt(pace, 0.05)).toBeCloseTo(1 + 0.01 / 0.5);
    pace.move(0, P);
    expect(rateAt(pace, 0.05)).toBe(1);
    pace.move(-10, P);
    expect(rateAt(pace, 0.05)).toBeCloseTo(1 - 0.01 / 0.5);
  });

  it("goes on the way that it began, as a picture later is as good as one sooner", () => {
    const pace = new CalmPace();
    rateAt(pace, 0.09);
    pace.move(33, P);
    expect(rateAt(pace, 0.09)).toBeGreaterThan(1);
    pace.move(-33, P);
    expect(rateAt(pace, 0.07)).toBeGreaterThan(1);
  });

  it("never moves so far that it waits for pictures", () => {
    const pace = new CalmPace();
    rateAt(pace, -0.01);
    pace.move(33, P);
    expect(rateAt(pace, -0.01)).toBeLessThan(1);
  });
});
