import { describe, expect, it } from "vitest";
import type { ModePlanChange, ModeRow } from "../../api/schema";
import { choiceOf, emptied, grouped, notifies } from "./cells";
import { copied, freeName, modeId, rebased, removed, renamed, withCellsOf } from "./columns";

const plan: ModePlanChange = {
  modes: {
    names: ["home", "away", "night"],
    schedule: { night: ["23:00-06:30"] },
    exceptions: { "2026-12-24": "away", "2026-12-25": "sun" },
    tables: { away: { cameras: { hall: { record: "off" } } } },
    presence: { people: { anna: {} } },
  },
  rules: [
    { name: "both", when: { mode: ["away", "night"] }, do: ["notify phone"] },
    { name: "one", when: { mode: ["away"] }, do: ["notify phone"] },
    { name: "any", when: {}, do: ["notify phone"] },
  ],
};

describe("what is typed and not saved", () => {
  it("stays over what is in force now, and nothing else of the draft", () => {
    const draft = { ...plan, modes: { ...plan.modes, schedule: { night: ["22:00-06:00"] } } };
    const now = { modes: { ...plan.modes, tables: {}, exceptions: {} }, rules: [] };
    expect(rebased(draft, plan, now)).toEqual({ modes: { ...now.modes, schedule: { night: ["22:00-06:00"] } }, rules: [] });
  });

  it("leaves rules, modes and times that were added or deleted elsewhere", () => {
    const [both, one, any] = plan.rules as [ModePlanChange["rules"][number], ModePlanChange["rules"][number], ModePlanChange["rules"][number]];
    const mine = { ...any, name: "mine" };
    const theirs = { ...any, name: "theirs" };
    const draft = { modes: { ...plan.modes, names: [...plan.modes.names, "guests"], schedule: { night: ["22:00-06:00"] } }, rules: [both, one, mine] };
    const now = {
      modes: { ...plan.modes, names: ["home", "away", "night", "garden"], schedule: { ...plan.modes.schedule, garden: ["12:00-13:00"] } },
      rules: [theirs, both, any],
    };
    const found = rebased(draft, plan, now);
    expect(found.modes.names).toEqual(["home", "away", "night", "guests", "garden"]);
    expect(found.modes.schedule).toEqual({ night: ["22:00-06:00"], garden: ["12:00-13:00"] });
    expect(found.rules).toEqual([both, mine, theirs]);
    expect(rebased({ ...plan, modes: { ...plan.modes, exceptions: { "2026-12-25": "sun" } } }, plan, now).modes.exceptions).toEqual({ "2026-12-25": "sun" });
  });
});

describe("cells that are taken back", () => {
  it("leave all others as they are now", () => {
    const now = { ...plan, modes: { ...plan.modes, tables: { away: { cameras: { hall: { record: "events" }, gate: { record: "off" } } }, home: { cameras: { hall: { privacy: true } } } } } } as ModePlanChange;
    expect(withCellsOf(plan, now, ["hall", "gate"], ["away", "night"])).toEqual({
      ...plan,
      modes: { ...plan.modes, tables: { away: { cameras: { hall: { record: "off" } } }, home: { cameras: { hall: { privacy: true } } } } },
    });
  });
});

describe("a column", () => {
  it("has a name that the settings take", () => {
    expect([" Garden Party! ", "Zwölf", "---", "a".repeat(30)].map(modeId)).toEqual(["garden-party", "zw-lf", "", "a".repeat(20)]);
    expect(freeName("night", ["night", "night-2"])).toBe("night-3");
    expect(freeName("a".repeat(20), ["a".repeat(20)])).toBe(`${"a".repeat(18)}-2`);
  });

  it("is renamed wherever it is named", () => {
    const found = renamed(plan, "away", "gone");
    expect(found.modes.names).toEqual(["home", "gone", "night"]);
    expect(found.modes.tables).toEqual({ gone: { cameras: { hall: { record: "off" } } } });
    expect(found.modes.exceptions).toEqual({ "2026-12-24": "gone", "2026-12-25": "sun" });
    expect(found.modes.presence).toEqual({ people: { anna: {} }, nobody: "gone", back: "home" });
    expect(found.rules.map((rule) => rule.when?.mode)).toEqual([["gone", "night"], ["gone"], []]);
  });

  it("is copied beside itself, without its times", () => {
    const found = copied(plan, "night");
    expect(found.modes.names).toEqual(["home", "away", "night", "night-2"]);
    expect(found.modes.schedule).toEqual({ night: ["23:00-06:30"] });
    expect(copied(plan, "away").modes.tables?.["away-2"]).toEqual({ cameras: { hall: { record: "off" } } });
  });

  it("takes the rules with it that were for it alone", () => {
    const found = removed(plan, "away");
    expect(found.modes.names).toEqual(["home", "night"]);
    expect(found.rules.map((rule) => [rule.name, rule.when?.mode])).toEqual([["both", ["night"]], ["any", []]]);
    expect(found.modes.presence?.nobody).toBe("home");
    expect(found.modes.exceptions).toEqual({ "2026-12-25": "sun" });
  });
});

const cell = { record: "continuous", detection: true, notify: ["vehicle", "person"], channels: null, notify_by: "mode", own: false, may_detect: true } as const;
const row = (id: string, group: string, change: object = {}): ModeRow => ({
  id,
  group,
  name: id,
  is_named: true,
  is_detecting: true,
  cells: { home: { ...cell, notify: [...cell.notify], ...change } },
});

describe("a cell", () => {
  it("says what notifies", () => {
    const words = (change: object) => notifies(row("a", ""), row("a", "", change).cells["home"]!).words;
    expect(words({})).toBe("People, vehicles");
    expect(words({ notify: ["motion", "person"] })).toBe("Any motion");
    expect(words({ notify: [] })).toBe("Silent");
    expect(words({ record: "private", may_detect: false })).toBe("Silent");
    expect(words({ record: "off", may_detect: false })).toBe("Silent");
    expect(words({ record: "off" })).toBe("People, vehicles");
    expect(words({ detection: false })).toBe("Detection off");
    expect(words({ notify_by: "rules" })).toBe("By rules");
  });

  it("is copied as it is, and leaves what rules say to them", () => {
    expect(choiceOf(row("a", "").cells["home"]!)).toEqual({ record: "continuous", detection: true, notify: ["vehicle", "person"], channels: null });
    expect(choiceOf(row("a", "", { record: "off", may_detect: false }).cells["home"]!).notify).toBeNull();
    expect(choiceOf(row("a", "", { record: "off" }).cells["home"]!).notify).toEqual(["vehicle", "person"]);
  });

  it("is the last that records anything", () => {
    const rows = [row("a", ""), row("b", "", { record: "off" })];
    const off = { record: "off", detection: true } as const;
    expect(emptied(rows, ["a"], ["home"], off)).toEqual(["home"]);
    expect(emptied(rows, ["b"], ["home"], off)).toEqual([]);
    expect(emptied(rows, ["a"], ["home"], { ...off, record: "events" })).toEqual([]);
  });

  it("stands in its group", () => {
    const groups = grouped([row("a", "inside"), row("b", ""), row("c", "outside")]);
    expect(groups.map((one) => one.group)).toEqual(["outside", "inside", ""]);
  });
});
