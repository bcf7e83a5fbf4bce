import { describe, expect, it } from "vitest";
import { CalmPace } from "./calm";

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
});
