import { describe, expect, it } from "vitest";
import { ticks } from "./ticks";
import type { View } from "./view";
import { Zone } from "./zone";

const HOUR = 3_600_000;
const berlin = new Zone("Europe/Berlin", 3600, [
  { at_ms: Date.UTC(2026, 2, 29, 1), before_s: 3600, after_s: 7200 },
  { at_ms: Date.UTC(2026, 9, 25, 1), before_s: 7200, after_s: 3600 },
]);
const measure = (label: string): number => label.length * 7;
const labels = (begin_ms: number, end_ms: number, width = 1180, zone = berlin): string[] =>
  ticks({ begin_ms, end_ms, width }, zone, measure)
    .map((tick) => tick.label)
    .filter((label) => label !== "");

describe("ticks", () => {
  it("six hours are labelled by the hour", () => {
    const begin = Date.UTC(2026, 5, 13, 14);
    expect(labels(begin, begin + 6 * HOUR)).toEqual(["16:00", "17:00", "18:00", "19:00", "20:00", "21:00", "22:00"]);
  });

  it("a minute is labelled by seconds", () => {
    const begin = Date.UTC(2026, 5, 13, 14);
    expect(labels(begin, begin + 60_000).slice(0, 3)).toEqual(["16:00:00", "16:00:10", "16:00:20"]);
  });

  it("midnight bears the date", () => {
    const begin = Date.UTC(2026, 5, 12, 20);
    expect(labels(begin, begin + 6 * HOUR)).toContain("Sat 13 Jun");
  });

  it("the repeated hour is there twice, with words", () => {
    const begin = Date.UTC(2026, 9, 24, 23, 40);
    const shown = labels(begin, begin + 4 * HOUR);
    expect(shown).toContain("02:30 first");
    expect(shown).toContain("02:30 second");
    expect(shown.indexOf("02:30 first")).toBeLessThan(shown.indexOf("02:30 second"));
  });

  it("the skipped hour is not there", () => {
    const begin = Date.UTC(2026, 2, 29, 0);
    const shown = labels(begin, begin + 4 * HOUR);
    expect(shown).toContain("01:30");
    expect(shown).toContain("03:00");
    expect(shown.some((label) => label.startsWith("02"))).toBe(false);
  });

  it.each([
    [25, Date.UTC(2026, 9, 25, 12)],
    [23, Date.UTC(2026, 2, 29, 12)],
    [24, Date.UTC(2026, 5, 13, 12)],
  ])("a day of %i hours has that many marks of an hour", (hours, at_ms) => {
    const day = berlin.day(at_ms);
    const view: View = { ...day, width: 1180 };
    expect(ticks(view, berlin, measure).length).toBe(hours + 1);
  });

  it("labels never run into each other", () => {
    for (const width of [300, 700, 1180, 1900])
      for (const span of [60_000, 600_000, HOUR, 6 * HOUR, 25 * HOUR]) {
        const begin_ms = Date.UTC(2026, 9, 24, 22);
        const shown = ticks({ begin_ms, end_ms: begin_ms + span, width }, berlin, measure).filter((t) => t.label !== "");
        for (const [i, tick] of shown.entries())
          if (i > 0) expect(tick.x).toBeGreaterThan((shown[i - 1]?.x ?? 0) + measure(shown[i - 1]?.label ?? ""));
      }
  });
});
