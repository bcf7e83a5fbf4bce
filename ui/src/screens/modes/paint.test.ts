import { describe, expect, it } from "vitest";
import { painted } from "./paint";

const MODES = ["home", "away", "night"];
const H = 60;

describe("painting the week", () => {
  it("puts a time where nothing was", () => {
    expect(painted({}, MODES, "away", 0, 8 * H, 17 * H)).toEqual({ away: ["mon 08:00-17:00"] });
  });

  it("gathers days with the same time", () => {
    const four = { away: ["mon-thu 08:00-17:00"] };
    expect(painted(four, MODES, "away", 4, 8 * H, 17 * H)).toEqual({ away: ["mon-fri 08:00-17:00"] });
  });

  it("lengthens what it touches", () => {
    expect(painted({ away: ["mon 08:00-17:00"] }, MODES, "away", 0, 16 * H, 19 * H)).toEqual({ away: ["mon 08:00-19:00"] });
  });

  it("takes the part from whoever had it", () => {
    expect(painted({ away: ["mon 08:00-17:00"] }, MODES, "night", 0, 10 * H, 11 * H)).toEqual({
      away: ["mon 08:00-10:00", "mon 11:00-17:00"],
      night: ["mon 10:00-11:00"],
    });
  });

  it("leaves the first mode where it is painted", () => {
    expect(painted({ away: ["mon 08:00-17:00"] }, MODES, "home", 0, 0, 24 * H)).toEqual({});
  });

  it("leaves nights over midnight whole, and cuts them where it must", () => {
    const nights = { night: ["22:00-06:00"] };
    expect(painted(nights, MODES, "away", 2, 8 * H, 9 * H).night).toEqual(["22:00-06:00"]);
    expect(painted(nights, MODES, "away", 6, 23 * H, 24 * H)).toEqual({
      away: ["sun 23:00-24:00"],
      night: ["mon-sat 22:00-06:00", "sun 22:00-23:00", "mon 00:00-06:00"],
    });
  });

  it("cuts what is longer than a day at midnights", () => {
    const two = painted({ away: ["sat 12:00-24:00"] }, MODES, "away", 6, 0, 24 * H);
    expect(two).toEqual({ away: ["sat 12:00-24:00", "sun 00:00-24:00"] });
  });

  it("keeps what the sun decides", () => {
    const sun = { night: ["sunset-sunrise"], away: ["sat sunrise-12:00"] };
    expect(painted(sun, MODES, "away", 0, 60, 120)).toEqual({
      night: ["sunset-sunrise"],
      away: ["sat sunrise-12:00", "mon 01:00-02:00"],
    });
  });

  it("fills a whole week", () => {
    let week: Record<string, string[]> = {};
    for (let day = 0; day < 7; day++) week = painted(week, MODES, "away", day, 0, 24 * H);
    expect(week).toEqual({ away: ["00:00-24:00"] });
  });
});
