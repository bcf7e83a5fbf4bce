// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { zone } from "../../ui/times";
import type { TawnyEvent, Visit } from "../../api/types";
import { event } from "../../testing/make";
import { type Filters, ask, fits, flip, readFilters, writeFilters } from "./filters";
import { inVisits, joined } from "./Visits";
import { type Change, EMPTY, type List, change } from "./list";

const plain: Filters = { only: "new", cameras: [], kinds: [], levels: ["alert"], day: null };

beforeEach(() => {
  zone.value = "Europe/Berlin";
});

describe("filters in the address", () => {
  it("are the new ones when nothing is said", () => expect(readFilters(new URLSearchParams(""))).toEqual(plain));
  it("survive writing and reading", () => {
    const filters: Filters = {
      only: "all",
      cameras: ["front", "hall"],
      kinds: ["person", "motion"],
      levels: ["detection"],
      day: "2026-11-20",
    };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(writeFilters(filters))) if (value) query.set(key, value);
    expect(readFilters(query)).toEqual(filters);
  });
  it("show alerts where only what is new is shown, else every level", () => {
    const levels = (query: string) => readFilters(new URLSearchParams(query)).levels;
    expect(levels("")).toEqual(["alert"]);
    expect(levels("only=all")).toEqual([]);
    expect(levels("levels=all")).toEqual([]);
    expect(levels("levels=motion,odd,alert")).toEqual(["alert", "motion"]);
    expect(writeFilters({ ...plain, levels: [] })["levels"]).toBe("all");
    expect(writeFilters({ ...plain, only: "all", levels: [] })["levels"]).toBeNull();
  });
  it("leave aside what is not known", () => {
    expect(readFilters(new URLSearchParams("only=odd&kinds=ghost,person&day=today"))).toEqual({
      ...plain,
      kinds: ["person"],
    });
  });
  it("ask for the recorder's day", () => {
    expect(ask({ ...plain, day: "2026-11-20" }, null)).toMatchObject({
      from_ms: Date.UTC(2026, 10, 19, 23),
      to_ms: Date.UTC(2026, 10, 20, 23),
    });
  });
  it("flip", () => expect(flip(flip(["a"], "b"), "a")).toEqual(["b"]));
});

describe("whether an event fits", () => {
  it("goes by its marks", () => {
    expect(fits(event("1", 0, { reviewed: true }), plain)).toBe(false);
    expect(fits(event("1", 0, { kept: true }), { ...plain, only: "kept" })).toBe(true);
  });
  it("goes by its level", () => {
    expect(fits(event("1", 0, { level: "detection" }), plain)).toBe(false);
    expect(fits(event("1", 0, { level: "detection" }), { ...plain, levels: [] })).toBe(true);
  });
  it("goes by camera, kind and day", () => {
    expect(fits(event("1", 0), { ...plain, cameras: ["hall"] })).toBe(false);
    expect(fits(event("1", 0, { display_type: "person" }), { ...plain, kinds: ["person"] })).toBe(true);
    expect(fits(event("1", 0, { display_type: "person" }), { ...plain, kinds: ["motion"] })).toBe(false);
    expect(fits(event("1", 0), { ...plain, kinds: ["person"] })).toBe(false);
    expect(fits(event("1", Date.UTC(2026, 10, 19, 23)), { ...plain, day: "2026-11-20" })).toBe(true);
    expect(fits(event("1", Date.UTC(2026, 10, 20, 23)), { ...plain, day: "2026-11-20" })).toBe(false);
  });
});

describe("the list", () => {
  const after = (...changes: Change[]): List => changes.reduce(change, EMPTY);
  const ids = (list: List) => list.items?.map((each) => each.id);
  const two: Change = { what: "first", items: [event("b", 20), event("a", 10)], next: "x" };

  it("puts what comes in at the top", () => {
    expect(ids(after(two, { what: "came", event: event("c", 30), filters: plain, aside: false }))).toEqual([
      "c",
      "b",
      "a",
    ]);
  });
  it("keeps it aside while somebody looks further down", () => {
    const list = after(two, { what: "came", event: event("c", 30), filters: plain, aside: true });
    expect(ids(list)).toEqual(["b", "a"]);
    expect(list.arrived).toHaveLength(1);
    expect(ids(change(list, { what: "show" }))).toEqual(["c", "b", "a"]);
  });
  it("changes an event where it is", () => {
    const list = after(two, { what: "came", event: event("a", 10, { title: "Later" }), filters: plain, aside: true });
    expect(list.items?.[1]?.title).toBe("Later");
    expect(list.arrived).toHaveLength(0);
  });
  it("does not show an event twice when pages shift", () => {
    expect(ids(after(two, { what: "more", items: [event("a", 10), event("z", 5)], next: null }))).toEqual([
      "b",
      "a",
      "z",
    ]);
  });
  it("marks and unmarks", () => {
    const marked = after(two, { what: "marked", ids: new Set(["a"]), marks: { reviewed: true } });
    expect(marked.items?.map((each) => each.reviewed)).toEqual([false, true]);
    expect(
      change(marked, { what: "marked", ids: new Set(["a"]), marks: { reviewed: false } }).items?.[1]?.reviewed,
    ).toBe(false);
  });
});

describe("visits", () => {
  const [a, b, c, d] = [event("a", 40), event("b", 30), event("c", 20), event("d", 10)];
  const visit = (id: string, ...events: TawnyEvent[]): Visit => ({
    id, title: "", type: "person", level: "alert", start: "", end: "", start_ms: 0, end_ms: 1, cameras: ["front"], new: 1, best: events[0]!, events,
  });
  const list = [a!, b!, c!, d!];
  it("join two or more events that are listed", () => {
    const found = joined([visit("b", b!, a!), visit("c", c!), visit("d", d!, event("elsewhere", 5))], list);
    expect([...found.keys()].sort()).toEqual(["a", "b"]);
  });
  it("stand in place of their newest event, and show all when they are open", () => {
    const one = visit("c", c!, a!);
    const of = joined([one], list);
    const shown = (open: string[]) => inVisits(list, of, new Set(open)).map((row) => (row.visit ? "visit" : row.event.id));
    expect(shown([])).toEqual(["visit", "b", "d"]);
    expect(shown(["c"])).toEqual(["visit", "c", "a", "b", "d"]);
    expect(inVisits(list, new Map(), new Set()).map((row) => row.event.id)).toEqual(["a", "b", "c", "d"]);
  });
});
