import { describe, expect, it } from "vitest";
import { freeDay } from "./Week";
import { minuteText, several, stretchOf, stretchText } from "./times";

describe("times of the week", () => {
  it.each([
    ["22:00-06:30", [], "22:00", "06:30"],
    ["mon-fri 08:00-17:00", [0, 1, 2, 3, 4], "08:00", "17:00"],
    ["sat sun sunset+20m-sunrise", [5, 6], "sunset+20m", "sunrise"],
    ["mon wed 00:00-24:00", [0, 2], "00:00", "24:00"],
  ])("%s is taken apart and put together again", (text, days, from, to) => {
    expect(stretchOf(text)).toEqual({ days, from, to });
    expect(stretchText({ days: days as number[], from: from as string, to: to as string })).toBe(text);
  });

  it("goes round the end of the week", () => {
    expect(stretchOf("fri-mon 10:00-12:00")?.days).toEqual([0, 4, 5, 6]);
  });

  it("leaves what it does not understand", () => {
    expect(stretchOf("whenever")).toBeNull();
    expect(stretchOf("xyz 10:00-12:00")).toBeNull();
  });

  it("reads lists and writes minutes", () => {
    expect(several(" a, b ,,c")).toEqual(["a", "b", "c"]);
    expect(minuteText(605)).toBe("10:05");
  });
});

it("a holiday is added on the first day that is none yet", () => {
  expect(freeDay("2026-12-24", {})).toBe("2026-12-24");
  expect(freeDay("2026-12-24", { "2026-12-23 to 2026-12-26": "away", "2026-12-27": "away" })).toBe("2026-12-28");
});
