import { describe, expect, it } from "vitest";
import { meantOn, parseTime } from "./timefield";
import { Zone } from "./zone";

const berlin = new Zone("Europe/Berlin", 3600, [
  { at_ms: Date.UTC(2026, 2, 29, 1), before_s: 3600, after_s: 7200 },
  { at_ms: Date.UTC(2026, 9, 25, 1), before_s: 7200, after_s: 3600 },
]);
const ordinary = berlin.day(Date.UTC(2026, 5, 13, 12));
const autumn = berlin.day(Date.UTC(2026, 9, 25, 12));
const spring = berlin.day(Date.UTC(2026, 2, 29, 12));

describe("parseTime", () => {
  it.each([
    ["1830", [18, 30, 0]],
    ["18:30", [18, 30, 0]],
    ["6:30pm", [18, 30, 0]],
    ["6:30 PM", [18, 30, 0]],
    ["630pm", [18, 30, 0]],
    ["18:30:15", [18, 30, 15]],
    ["183015", [18, 30, 15]],
    ["18.30", [18, 30, 0]],
    ["6pm", [18, 0, 0]],
    ["12am", [0, 0, 0]],
    ["12pm", [12, 0, 0]],
    ["7", [7, 0, 0]],
    ["730", [7, 30, 0]],
    [" 00:00 ", [0, 0, 0]],
  ])("%s", (typed, [hour, minute, second]) => {
    expect(parseTime(typed)).toEqual({ hour, minute, second, turn: null });
  });

  it.each(["", "24:00", "18:60", "18:30:60", "13pm", "0am", "noon", "18:30 tomorrow", "1234567", "-1"])("refuses %j", (typed) => {
    expect(parseTime(typed)).toBeNull();
  });

  it("hears which of two equal times", () => {
    expect(parseTime("02:30 second")?.turn).toBe("second");
  });
});

describe("meantOn", () => {
  it("an ordinary day", () => {
    expect(meantOn(berlin, ordinary, "18:30")).toEqual({ is: "instant", at_ms: Date.UTC(2026, 5, 13, 16, 30) });
  });

  it("a repeated time is a choice until it is said", () => {
    const [first_ms, second_ms] = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)];
    expect(meantOn(berlin, autumn, "0230")).toEqual({ is: "choice", first_ms, second_ms });
    expect(meantOn(berlin, autumn, "02:30 first")).toEqual({ is: "instant", at_ms: first_ms });
    expect(meantOn(berlin, autumn, "02:30 second")).toEqual({ is: "instant", at_ms: second_ms });
  });

  it("a skipped time is said to be one", () => {
    expect(meantOn(berlin, spring, "02:30").is).toBe("skipped");
  });
});
