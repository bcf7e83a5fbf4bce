import { expect, it } from "vitest";
import { Lag } from "./lag";

/** What it says to each second in which so much came, with nothing left to show; the last of it. */
function seconds(lag: Lag, count: number, got_ms: number, from_ms = 0, left_ms = 0): boolean {
  lag.begin();
  for (let at = 0; at < count; at += 1) lag.hear(got_ms, 1000, left_ms, 1, from_ms + at * 1000);
  return lag.slow;
}

it("takes the small stream where the large one comes slower than it plays", () => expect(seconds(new Lag(), 4, 500)).toBe(true));
it("does not for a moment, nor while enough is left, nor where it keeps up", () => {
  expect([seconds(new Lag(), 2, 0), seconds(new Lag(), 9, 500, 0, 9_000), seconds(new Lag(), 9, 1_000)]).toEqual([false, false, false]);
});
it("needs as much more as it plays faster", () => {
  const lag = new Lag();
  for (let at = 0; at < 4; at += 1) lag.hear(2_000, 1000, 0, 4, at * 1000);
  expect(lag.slow).toBe(true);
});
it("goes back when the small one comes as much faster as the large one lacked", () => {
  const lag = new Lag();
  seconds(lag, 3, 800); // the line has 0.8 of what the large one needs, and 3.2 times the small one
  expect(seconds(lag, 2, 3_200, 4_000)).toBe(true);
  expect(seconds(lag, 2, 5_000, 70_000)).toBe(true);
  expect(seconds(lag, 1, 5_500, 90_000)).toBe(false);
});
it("goes back when there is clearly room, after a minute, and later each time", () => {
  const lag = new Lag();
  seconds(lag, 4, 500);
  expect([seconds(lag, 9, 9_000, 10_000), seconds(lag, 9, 2_000, 70_000), seconds(lag, 1, 9_000, 90_000)]).toEqual([true, true, false]);
  seconds(lag, 4, 500, 100_000);
  expect([seconds(lag, 9, 9_000, 200_000), seconds(lag, 1, 9_000, 240_000)]).toEqual([true, false]);
});
