// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { zone } from "../../ui/times";
import type { Visit } from "../../api/types";
import { event, visit } from "../../testing/make";
import { partAt, partsOf } from "./ClipPlayer";
import { framesOf, momentsOf, spread } from "./frames";
import { type Filters, ask, belongs, flip, readFilters, writeFilters } from "./filters";
import { type Change, EMPTY, type List, change } from "./list";
import { changed } from "./useVisits";

const plain: Filters = { tab: "alerts", only: "new", cameras: [], kinds: [], day: null };

beforeEach(() => {
  zone.value = "Europe/Berlin";
});

describe("filters in the address", () => {
  it("are new alerts when nothing is said", () => expect(readFilters(new URLSearchParams(""))).toEqual(plain));
  it("survive writing and reading", () => {
    const filters: Filters = { tab: "detections", only: "all", cameras: ["front", "hall"], kinds: ["person", "animal"], day: "2026-11-20" };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(writeFilters(filters))) if (value) query.set(key, value);
    expect(readFilters(query)).toEqual(filters);
  });
  it("leave aside what is not known", () => {
    expect(readFilters(new URLSearchParams("tab=odd&only=odd&kinds=ghost,person&day=today"))).toEqual({ ...plain, kinds: ["person"] });
  });
  it("ask for the recorder's day and the tab's level", () => {
    expect(ask({ ...plain, tab: "detections", day: "2026-11-20" }, null)).toMatchObject({
      levels: "detection",
      from_ms: Date.UTC(2026, 10, 19, 23),
      to_ms: Date.UTC(2026, 10, 20, 23),
    });
  });
  it("flip", () => expect(flip(flip(["a"], "b"), "a")).toEqual(["b"]));
});

describe("whether a visit belongs in the list", () => {
  const alert = (id: string, more = {}) => event(id, 0, { level: "alert", ...more });
  it("goes by the marks of the events that give it its level", () => {
    const reviewed = visit("a", alert("a", { reviewed: true }), event("b", 5, { level: "motion" }));
    expect(belongs(reviewed, plain)).toBe(false);
    expect(belongs(reviewed, { ...plain, only: "all" })).toBe(true);
    expect(belongs(reviewed, { ...plain, only: "kept" })).toBe(false);
    expect(belongs(visit("a", alert("a", { reviewed: true }), alert("c")), plain)).toBe(true);
  });
  it("goes by its level", () => expect(belongs(visit("a", alert("a")), { ...plain, tab: "motion", only: "all" })).toBe(false));
});

describe("the list", () => {
  const after = (...changes: Change[]): List => changes.reduce(change, EMPTY);
  const ids = (list: List) => list.items?.map((each) => each.id);
  const [a, b, c] = [visit("a", event("a", 10)), visit("b", event("b", 20)), visit("c", event("c", 30))];
  const two: Change = { what: "first", items: [b, a], next: "x", aside: false };
  const more: Change = { what: "more", items: [visit("z", event("z", 5)), visit("y", event("y", 3))], next: "w" };
  const again = (items: Visit[], aside = false): Change => ({ what: "first", items, next: "x", aside });

  it("puts what comes in at the top", () => expect(ids(after(two, { what: "came", items: [c], aside: false }))).toEqual(["c", "b", "a"]));
  it("keeps it aside while one looks further down, but lets a running visit grow in its place", () => {
    const longer = visit("b", event("b", 20), event("b2", 26));
    const list = after(two, { what: "came", items: [c, longer], aside: true });
    expect(ids(list)).toEqual(["b", "a"]);
    expect(list.items?.[0]?.events).toHaveLength(2);
    expect(list.arrived.map((each) => each.id)).toEqual(["c"]);
    expect(ids(change(list, { what: "show" }))).toEqual(["c", "b", "a"]);
  });
  it("keeps what is further down when its first page is asked for again", () => {
    const list = after(two, more, again([c, a]));
    expect([ids(list), list.next]).toEqual([["c", "a", "z", "y"], "w"]); // b is deleted
    const held = after(two, more, again([c, b], true));
    expect([ids(held), held.arrived.map((each) => each.id), held.next]).toEqual([["b", "a", "z", "y"], ["c"], "w"]);
  });
  it("begins again where something may be missing between that page and the rest", () => {
    const list = after(two, more, again([visit("d", event("d", 40)), c], true));
    expect([ids(list), list.arrived, list.next]).toEqual([["d", "c"], [], "x"]);
  });
  it("has each event once when two visits become one", () => {
    const whole = visit("a", event("a", 10), event("b", 20));
    expect(ids(after(two, { what: "came", items: [whole], aside: false }))).toEqual(["a"]);
    expect(ids(after(two, { what: "more", items: [whole, c], next: null }))).toEqual(["c", "b", "a"]);
  });
  it("changes an event where it is, and its visit with it", () => {
    const list = after(two, { what: "event", event: event("a", 10, { title: "Later", end_ms: null, level: "alert" }) });
    expect(list.items?.[1]).toMatchObject({ best: { title: "Later" }, end_ms: null, level: "alert" });
    expect(list.items?.[0]).toBe(b);
  });
  it("marks and unmarks", () => {
    const marked = after(two, { what: "marked", ids: new Set(["a"]), marks: { reviewed: true } });
    expect(marked.items?.map((each) => each.new)).toEqual([1, 0]);
    expect(change(marked, { what: "marked", ids: new Set(["a"]), marks: { reviewed: false } }).items?.[1]?.new).toBe(1);
  });
  it("leaves out what is deleted", () => expect(ids(after(two, { what: "gone", ids: new Set(["a"]) }))).toEqual(["b"]));
});

it("changes the counts by visits", () => {
  const walk = visit("a", event("a", 0, { level: "alert" }), event("b", 1, { level: "alert" }), event("c", 2, { level: "motion" }));
  expect(changed([walk], walk.events, { reviewed: true })).toEqual({ alerts: -1, detections: -0, motion: -0 });
  expect(changed([walk], walk.events, { kept: true })).toEqual({});
});

describe("the parts of a visit", () => {
  const [gate, door, inside, lasts] = [
    event("gate", 0, { camera: "gate", end_ms: 9_000 }),
    event("door", 5_000, { camera: "door", end_ms: 20_000 }),
    event("inside", 6_000, { camera: "door", end_ms: 8_000 }),
    event("lasts", 7_000, { camera: "yard", end_ms: null }),
  ];
  it("are its clips one after the other, without what another one shows", () => {
    expect(partsOf([gate, door, inside, lasts]).map((part) => part.id)).toEqual(["gate", "door"]);
    expect(partsOf([gate, { ...gate, id: "same" }]).map((part) => part.id)).toEqual(["gate"]);
  });
  it("are found by a place in the whole", () => {
    expect(partAt(5, [10, 20])).toEqual({ part: 0, at_s: 5 });
    expect(partAt(12, [10, 20])).toEqual({ part: 1, at_s: 2 });
    expect(partAt(99, [10, 20])).toEqual({ part: 1, at_s: 20 });
    expect(partAt(3, [])).toEqual({ part: 0, at_s: 0 });
  });
});

describe("the moments of a visit", () => {
  const strip = (id: string, count: number) => [`/api/v1/events/${id}/loop`, { address: `/api/v1/events/${id}/loop`, count, aspect: 16 / 9 }] as const;
  const made = (...events: Visit["events"]) => events.map((each) => ({ ...each, snapshot: `/media/${each.id}.jpg` }));
  it("are five of one event", () => {
    const frames = framesOf(made(event("a", 0)), new Map([strip("a", 6)]));
    expect(frames).toHaveLength(6);
    expect(momentsOf(frames)).toHaveLength(5);
  });
  it("are some of each of several events", () => {
    const [a, b, c] = [event("a", 0), event("b", 9_000), event("c", 20_000)];
    const found = new Map([strip("a", 4), strip("b", 4), strip("c", 4)]);
    expect(momentsOf(framesOf(made(a, b), found)).map((frame) => frame.event.id)).toEqual(["a", "a", "b", "b"]);
    expect(momentsOf(framesOf(made(a, b, c), found)).map((frame) => frame.event.id)).toEqual(["a", "b", "c"]);
  });
  it("are the picture where there is no filmstrip yet", () => expect(framesOf(made(event("a", 7)), new Map())).toMatchObject([{ at_ms: 7 }]));
  it("are the last picture, not the one from before the event's end", () => {
    const [over] = made({ ...event("a", 0), end_ms: 9_000 });
    const [going, ended] = [{ ...over!, end_ms: null }, over!].map((one) => framesOf([one], new Map())[0]?.of.address);
    expect(ended).toBe("/media/a.jpg");
    expect(going).not.toBe(ended);
  });
  it("are spread from the first to the last", () => expect(spread([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7]));
});
