import { describe, expect, it } from "vitest";
import { Steps } from "./step";

const P = 66.7;
const at = (ms: number, period_ms = P) => ({ at_ms: ms, period_ms });

describe("pictures of several cameras", () => {
  it("have nobody to go by where there is one alone", () => {
    const steps = new Steps();
    const one = {};
    expect([0, 500, 1_013].map((ms) => steps.tell(one, at(ms)))).toEqual([0, 0, 0]);
  });

  it("go by the first while there are two", () => {
    const [steps, one, two] = [new Steps(), {}, {}];
    steps.tell(one, at(1_000));
    expect(steps.tell(two, at(1_000 + 10 * P + 20))).toBeCloseTo(20);
    expect(steps.tell(one, at(1_000 + 11 * P))).toBe(0);
    expect(steps.tell(two, at(1_000 + 12 * P - 20))).toBeCloseTo(-20);
  });

  it("go by most of them, whoever was first", () => {
    const steps = new Steps();
    const all = Array.from({ length: 5 }, () => ({}));
    all.forEach((one, n) => steps.tell(one, at(n < 2 ? 1_030 : 1_000)));
    expect(steps.tell(all[0]!, at(1_030 + 8 * P))).toBeCloseTo(30);
    expect(steps.tell(all[4]!, at(1_000 + 8 * P))).toBe(0);
  });

  it("are left as they are when they are nearly together", () => {
    const [steps, one, two] = [new Steps(), {}, {}];
    steps.tell(one, at(1_000));
    expect(steps.tell(two, at(1_007))).toBe(0);
  });

  it("go together with those that last twice as long, and not with those of another pace", () => {
    const [steps, one, two, three] = [new Steps(), {}, {}, {}];
    steps.tell(one, at(1_000));
    expect(steps.tell(two, at(1_010, 2 * P))).toBeCloseTo(10);
    expect(steps.tell(three, at(1_020, 1.5 * P))).toBe(0);
    expect(steps.tell({}, at(1_020, 0))).toBe(0);
  });

  it("do not go by who left, or was not heard of for long", () => {
    const [steps, one, two] = [new Steps(), {}, {}];
    steps.tell(one, at(1_000));
    expect(steps.tell(two, at(4_020))).toBe(0);
    steps.tell(one, at(4_000));
    steps.leave(two);
    expect(steps.tell(one, at(4_040))).toBe(0);
  });
});
