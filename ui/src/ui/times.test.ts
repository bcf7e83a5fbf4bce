// @vitest-environment happy-dom
import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setLanguage } from "../strings/language";
import { clock, clockSeconds, date, day, dayBounds, dayKey, instantOf, length, percent, size, when, zone } from "./times";
import { nextTime } from "./timeFields";

const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(Date.UTC(2026, 10, 20, 12, 0));
  zone.value = "Europe/Berlin";
});
afterEach(() => vi.useRealTimers());

describe("lengths", () => {
  it.each([
    [0, "0 s"],
    [24_400, "24 s"],
    [59_600, "1 min"],
    [136_000, "2 min 16 s"],
    [600_000, "10 min"],
    [605_000, "10 min"],
    [6.75 * HOUR, "6 h 45 min"],
    [3 * HOUR, "3 h"],
    [49 * HOUR, "2 days"],
  ])("%d ms is %s", (ms, words) => expect(length(ms)).toBe(words));
});

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [4_990_000_000_000, "4.99 TB"],
    [398_000_000_000, "398 GB"],
    [82_200_000_000, "82.2 GB"],
    [999_900_000, "1 GB"],
  ])("%d bytes is %s", (bytes, words) => expect(size(bytes)).toBe(words));
});

it("has the decimal point of the language", () => {
  setLanguage("de", {});
  expect([size(4_990_000_000_000), percent(0.986)]).toEqual(["4,99 TB", "98,6%"]);
  setLanguage("en", {});
});

it("keeps a time of day together in a line from right to left", () => {
  const shown = clock(Date.now());
  setLanguage("ar", {});
  expect(clock(Date.now())).toBe(`\u2068${shown}\u2069`);
  setLanguage("en", {});
});

it("tells a day of another year with its year", () => {
  expect([Date.UTC(2026, 5, 1), Date.UTC(2025, 5, 1)].map((ms) => /\d{4}/.exec(date(ms))?.[0])).toEqual([undefined, "2025"]);
});

describe("shares", () => {
  it("are never rounded up to all", () => {
    expect(percent(0.99999)).toBe("99.9%");
    expect(percent(1)).toBe("100%");
    expect(percent(0.986)).toBe("98.6%");
    expect(percent(0)).toBe("0%");
  });
});

describe("the recorder's wall clock", () => {
  it("is used whatever the browser's is", () => {
    zone.value = "Asia/Tokyo";
    expect(clock(Date.UTC(2026, 10, 20, 12, 5))).toMatch(/^(21:05|9:05 PM)$/);
  });
  it("turns the day at its own midnight", () => {
    expect(dayKey(Date.UTC(2026, 10, 19, 23, 30))).toBe("2026-11-20");
    expect(day(Date.UTC(2026, 10, 19, 23, 30))).toBe("Today");
    expect(day(Date.UTC(2026, 10, 19, 22, 30))).toBe("Yesterday");
    expect(when(Date.UTC(2026, 10, 19, 22, 30))).toMatch(/^yesterday /);
  });
});

describe("a time that the clock shows twice", () => {
  it.each([
    ["Europe/Berlin", Date.UTC(2026, 9, 25, 0, 30), HOUR],
    ["America/New_York", Date.UTC(2026, 10, 1, 5, 30), HOUR],
    ["Australia/Lord_Howe", Date.UTC(2026, 3, 4, 14, 45), HOUR / 2],
  ])("says which one it is: %s", (name, first_ms, change_ms) => {
    zone.value = name;
    const all = [clock, clockSeconds].map((shown) => [-change_ms, 0, change_ms, 2 * change_ms].map((by) => shown(first_ms + by)));
    for (const [before = "", first = "", second = "", after = ""] of all) {
      expect([first.replace(/ first$/, ""), /first|second/.exec(before + after)]).toEqual([second.replace(/ second$/, ""), null]);
      expect(first).toMatch(/^\S+( [AP]M)? first$/);
    }
  });
});

describe("a day's bounds", () => {
  const hours = (day: string) => {
    const { begin_ms, end_ms } = dayBounds(day);
    return (end_ms - begin_ms) / HOUR;
  };
  it("are 24 hours apart on most days", () => {
    expect(hours("2026-11-20")).toBe(24);
    expect(dayBounds("2026-11-20").begin_ms).toBe(Date.UTC(2026, 10, 19, 23));
  });
  it("are 25 when clocks go back and 23 when they go forward", () => {
    expect(hours("2026-10-25")).toBe(25);
    expect(hours("2026-03-29")).toBe(23);
  });
  it.each([
    ["America/Santiago", "2026-09-06", Date.UTC(2026, 8, 6, 4)],
    ["America/Havana", "2026-03-08", Date.UTC(2026, 2, 8, 5)],
    ["Atlantic/Azores", "2026-03-29", Date.UTC(2026, 2, 29, 1)],
    ["Africa/Cairo", "2026-04-24", Date.UTC(2026, 3, 23, 22)],
  ])("begin with the change where midnight is skipped: %s", (name, skipped, begin_ms) => {
    zone.value = name;
    expect(dayBounds(skipped)).toEqual({ begin_ms, end_ms: begin_ms + 23 * HOUR });
    expect(dayKey(begin_ms)).toBe(skipped);
  });
  it("hold in zones with a half hour", () => {
    zone.value = "Asia/Kolkata";
    expect(dayBounds("2026-11-20").begin_ms).toBe(Date.UTC(2026, 10, 19, 18, 30));
  });
});

it.each([
  ["Europe/Berlin", Date.UTC(2026, 9, 25, 2, 30), Date.UTC(2026, 9, 25, 0, 30)],
  ["America/New_York", Date.UTC(2026, 10, 1, 1, 30), Date.UTC(2026, 10, 1, 5, 30)],
  ["Australia/Lord_Howe", Date.UTC(2026, 3, 5, 1, 45), Date.UTC(2026, 3, 4, 14, 45)],
])("a time that the clock shows twice is the first: %s", (name, wall_ms, first_ms) => {
  zone.value = name;
  expect(instantOf(wall_ms)).toBe(first_ms);
});

it.each([
  ["Europe/Berlin", "02:30", Date.UTC(2026, 9, 25, 0, 0), Date.UTC(2026, 9, 25, 0, 30)],
  ["Europe/Berlin", "02:30", Date.UTC(2026, 9, 25, 1, 0), Date.UTC(2026, 9, 25, 1, 30)],
  ["Europe/Berlin", "02:30", Date.UTC(2026, 9, 25, 2, 0), Date.UTC(2026, 9, 26, 1, 30)],
  ["Australia/Lord_Howe", "01:45", Date.UTC(2026, 3, 4, 14, 50), Date.UTC(2026, 3, 4, 15, 15)],
  ["Europe/Berlin", "02:30", Date.UTC(2026, 2, 29, 0, 0), Date.UTC(2026, 2, 29, 1, 30)],
])("the next time that the clock shows: %s, %s", (name, time, now_ms, next_ms) => {
  zone.value = name;
  expect(nextTime(time, now_ms)).toBe(next_ms);
});

it.each([
  ["Europe/Berlin", Date.UTC(2026, 2, 29, 2, 30), Date.UTC(2026, 2, 29, 1, 30)],
  ["America/New_York", Date.UTC(2026, 2, 8, 2, 30), Date.UTC(2026, 2, 8, 7, 30)],
])("a time that the clock skips is after the gap: %s", (name, wall_ms, after_ms) => {
  zone.value = name;
  expect(instantOf(wall_ms)).toBe(after_ms);
});

it("calls an event yesterday’s once midnight has passed, on a page that stays open", async () => {
  vi.setSystemTime(Date.UTC(2026, 10, 20, 22, 58));
  vi.resetModules();
  const fresh = await import("./times");
  fresh.zone.value = "Europe/Berlin";
  const at_ms = Date.now();
  const shown: string[] = [];
  const end = effect(() => void shown.push(fresh.day(at_ms)));
  vi.advanceTimersByTime(180_000);
  expect([shown[0], shown.at(-1)]).toEqual(["Today", "Yesterday"]);
  end();
});
