import { describe, expect, it } from "vitest";
import { clockMinute, clockSecond, clockSpan, dayName } from "./format";
import { Zone } from "./zone";

const HOUR = 3_600_000;
const SPRING = { at_ms: Date.UTC(2026, 2, 29, 1), before_s: 3600, after_s: 7200 };
const AUTUMN = { at_ms: Date.UTC(2026, 9, 25, 1), before_s: 7200, after_s: 3600 };
const berlin = new Zone("Europe/Berlin", 3600, [AUTUMN, SPRING]);
const autumn = { year: 2026, month: 10, day: 25, hour: 2, minute: 30, second: 0 };
const spring = { year: 2026, month: 3, day: 29, hour: 2, minute: 30, second: 0 };

describe("days", () => {
  it.each([
    ["an ordinary day", Date.UTC(2026, 5, 13, 12), 24],
    ["the autumn change", Date.UTC(2026, 9, 25, 12), 25],
    ["the spring change", Date.UTC(2026, 2, 29, 12), 23],
    ["the last ms before midnight", Date.UTC(2026, 9, 25, 22, 59, 59, 999), 25],
    ["the first ms after midnight", Date.UTC(2026, 9, 25, 23), 24],
  ])("%s", (_, at_ms, hours) => {
    const day = berlin.day(at_ms);
    expect((day.end_ms - day.begin_ms) / HOUR).toBe(hours);
    expect(berlin.local(day.begin_ms)).toMatchObject({ hour: 0, minute: 0, second: 0 });
  });

  it("begin with the change where midnight is skipped", () => {
    const at_ms = Date.UTC(2026, 3, 23, 22);
    const cairo = new Zone("Africa/Cairo", 7200, [{ at_ms, before_s: 7200, after_s: 10800 }]);
    const day = cairo.day(Date.UTC(2026, 3, 24, 12));
    expect(day).toEqual({ begin_ms: at_ms, end_ms: at_ms + 23 * HOUR });
  });
});

describe("instants", () => {
  it("a repeated time happens twice, an hour apart", () => {
    const found = berlin.instants(autumn);
    expect(found).toEqual({ is: "twice", first_ms: Date.UTC(2026, 9, 25, 0, 30), second_ms: Date.UTC(2026, 9, 25, 1, 30) });
  });

  it("a skipped time never happens", () => {
    expect(berlin.instants(spring)).toEqual({ is: "never", transition: SPRING });
  });

  it("every instant is found again from its wall time", () => {
    for (let at_ms = Date.UTC(2026, 9, 24, 20); at_ms < Date.UTC(2026, 9, 25, 6); at_ms += 11 * 60_000) {
      const found = berlin.instants(berlin.local(at_ms));
      const all = found.is === "once" ? [found.at_ms] : found.is === "twice" ? [found.first_ms, found.second_ms] : [];
      expect(all).toContain(at_ms);
    }
  });

  it("a zone that changes by half an hour", () => {
    const at_ms = Date.UTC(2026, 3, 4, 15);
    const lordHowe = new Zone("Australia/Lord_Howe", 39600, [{ at_ms, before_s: 39600, after_s: 37800 }]);
    const found = lordHowe.instants({ year: 2026, month: 4, day: 5, hour: 1, minute: 45, second: 0 });
    expect(found).toEqual({ is: "twice", first_ms: Date.UTC(2026, 3, 4, 14, 45), second_ms: Date.UTC(2026, 3, 4, 15, 15) });
  });
});

describe("labels", () => {
  it("say which of two equal times is meant", () => {
    expect(clockMinute(berlin, Date.UTC(2026, 9, 25, 0, 30))).toBe("02:30 first");
    expect(clockMinute(berlin, Date.UTC(2026, 9, 25, 1, 30))).toBe("02:30 second");
    expect(clockMinute(berlin, Date.UTC(2026, 9, 25, 2, 30))).toBe("03:30");
  });

  it("follow the habit of 12 hours", () => {
    const american = new Zone("UTC", 0, [], { locale: "en-US", hour12: true });
    expect(clockMinute(american, 30 * 60_000)).toBe("12:30 AM");
    expect(clockSecond(american, 18.5 * HOUR)).toBe("6:30:00 PM");
    expect(clockSpan(american, 18.5 * HOUR, 19 * HOUR)).toBe("6:30–7:00 PM");
    expect(clockSpan(american, 11.5 * HOUR, 13 * HOUR)).toBe("11:30 AM–1:00 PM");
    expect(clockSpan(Zone.utc, 11.5 * HOUR, 13 * HOUR)).toBe("11:30–13:00");
  });

  it("name the recorder's day, not the browser's", () => {
    expect(dayName(berlin, Date.UTC(2026, 5, 12, 22, 30), "short")).toBe("Sat 13 Jun");
  });
});
