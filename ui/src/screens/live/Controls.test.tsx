// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { zone } from "../../ui/times";
import { secondsUntil } from "./Controls";

beforeEach(() => (zone.value = "Asia/Tokyo"));
afterEach(() => vi.restoreAllMocks());

const NOON = Date.UTC(2026, 10, 20, 3, 0); // in Tokyo

it.each([
  ["14:00", 7_200],
  ["11:00", 23 * 3_600],
  ["12:00", 24 * 3_600],
  ["12:01", 60],
])("until %s by the recorder's clock are %d s", (time, seconds) => expect(secondsUntil(time, NOON)).toBe(seconds));

it("is right on the day of the change to summer time", () => {
  zone.value = "Europe/Berlin";
  expect(secondsUntil("06:00", Date.UTC(2026, 2, 28, 23, 0))).toBe(5 * 3_600);
});

it("is the second of two equal times when the first is over", () => {
  zone.value = "Europe/Berlin";
  expect(secondsUntil("02:30", Date.UTC(2026, 9, 25, 1, 10))).toBe(20 * 60);
});
