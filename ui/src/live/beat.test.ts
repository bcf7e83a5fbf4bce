import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { onBeat, onSecond } from "./beat";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("has all that look again do so in the same moment, whenever they began", () => {
  const told: [string, number][] = [];
  const begun = Date.now();
  const ends = [onBeat(() => told.push(["half", Date.now() - begun]))];
  vi.advanceTimersByTime(130);
  ends.push(onSecond(() => told.push(["second", Date.now() - begun])));
  vi.advanceTimersByTime(1_870);
  for (const end of ends) end();
  const seconds = told.filter(([who]) => who === "second").map(([, at]) => at);
  const halves = told.filter(([who]) => who === "half").map(([, at]) => at);
  expect(halves).toEqual([500, 1_000, 1_500, 2_000]);
  expect(seconds).toHaveLength(2);
  expect(halves).toEqual(expect.arrayContaining(seconds));
});

it("rests without listeners", () => {
  onBeat(() => {})();
  expect(vi.getTimerCount()).toBe(0);
});
