import { describe, expect, it } from "vitest";
import { type Damage, type Gap, type Happening, type Lane, NO_MOTION, type TimelineData } from "./data";
import { type DrawList, type Item, hit } from "./draw";
import { entries } from "./entries";
import { LANE_PX, RULER_PX, clusters, lanesLayout } from "./layout";
import { HOUR_MS, type View, xOf } from "./view";
import { Zone } from "./zone";

const BEGIN = Date.UTC(2026, 5, 13, 16);
const NOW = BEGIN + 5 * HOUR_MS;
const view: View = { begin_ms: BEGIN, end_ms: BEGIN + 6 * HOUR_MS, width: 1200 };
const look = { zone: Zone.utc, measure: (text: string) => text.length * 7, laneHeight: LANE_PX, sayNow: true };

const gap = (from_min: number, to_min: number | null, words: string, reason = "wifi"): Gap => ({
  begin_ms: BEGIN + from_min * 60_000,
  end_ms: to_min === null ? null : BEGIN + to_min * 60_000,
  ...{ reason, words, detail: "", tone: "warn" },
});
const event = (id: string, min: number, kind = "person"): Happening => ({
  ...{ id, kind, camera: "front", title: "", picture: null, kept: false },
  ...{ start_ms: BEGIN + min * 60_000, end_ms: BEGIN + min * 60_000 + 20_000 },
});
const lane = (more: Partial<Lane>): Lane => ({
  ...{ id: "front", name: "Front door", spans: [[BEGIN, NOW]], gaps: [], damage: [], events: [], motion: NO_MOTION },
  ...more,
});
const data = (...lanes: Lane[]): TimelineData => ({ begin_ms: view.begin_ms, end_ms: view.end_ms, now_ms: NOW, lanes });
const flat = (list: DrawList): Item[] => list.items;
const texts = (list: DrawList): string[] => flat(list).flatMap((item) => (item.is === "text" ? [item.text] : []));

describe("gaps", () => {
  it("say why where the words fit, show an icon where they do not, and are never thinner than can be seen", () => {
    const shown = lanesLayout(view, data(lane({ gaps: [gap(0, 90, "Wi-Fi lost"), gap(100, 115, "Camera not answering"), gap(200, 200.1, "x")] })), look);
    expect(texts(shown)).toContain("Wi-Fi lost");
    expect(texts(shown)).not.toContain("Camera not answering");
    expect(flat(shown)).toContainEqual(expect.objectContaining({ is: "badge", icon: "wifi-off" }));
    const hatches = flat(shown).filter((item) => item.is === "hatch");
    expect(hatches.map((item) => Math.round(item.w))).toEqual([300, 50, 3]);
  });

  it("that last say since when, and reach to now", () => {
    const shown = lanesLayout(view, data(lane({ gaps: [gap(60, null, "Camera not answering")] })), look);
    expect(texts(shown)).toContain("Camera not answering since 17:00");
    const hatch = flat(shown).find((item) => item.is === "hatch");
    expect(hatch).toMatchObject({ x: 200, w: 800 });
  });
});

describe("damage", () => {
  const damage = (from_min: number, to_min: number): Damage => ({
    begin_ms: BEGIN + from_min * 60_000,
    end_ms: BEGIN + to_min * 60_000,
    ...{ pictures: 2, packets_missing: 9, words: "Damaged pictures", detail: "2 pictures not whole, 9 packets lost on the way" },
  });
  const shown = lanesLayout(view, data(lane({ damage: [damage(60, 90), damage(100, 100.05)] })), look);

  it("is a line along the top of what is recorded, never thinner than can be seen", () => {
    const lines = flat(shown).filter((item) => item.is === "box" && item.ink === "warn");
    expect(lines).toEqual([expect.objectContaining({ x: 200, w: 100, h: 5 }), expect.objectContaining({ w: 3, h: 5 })]);
  });

  it("answers to the pointer over the whole band, and is in the list", () => {
    expect(hit(shown, 250, RULER_PX + 30)).toMatchObject({ is: "damage", lane: "front" });
    expect(hit(shown, 150, RULER_PX + 30)).toEqual({ is: "lane", lane: "front" });
    const told = entries(data(lane({ damage: [damage(60, 90)] })), view.begin_ms, view.end_ms, Zone.utc);
    expect(told.map((entry) => entry.sentence)).toEqual(["17:00 to 17:30 Recorded, video damaged, Front door"]);
  });
});

describe("future", () => {
  it("is empty, behind a line at now", () => {
    const shown = lanesLayout(view, data(lane({})), look);
    const band = flat(shown).find((item) => item.is === "box" && item.ink === "recorded");
    expect(band).toMatchObject({ x: 0, w: xOf(view, NOW) });
    expect(texts(shown)).toContain("Now");
  });
});

describe("motion bars", () => {
  const scores = new Uint8Array(600).fill(255);
  scores[60] = 90;
  scores[120] = 50;
  scores[180] = 10;
  const motion = { begin_ms: BEGIN, step_s: 60, scores };
  const bars = (at: View): Item[] => flat(lanesLayout(at, data(lane({ motion })), look)).filter((item) => item.is === "bars" && item.ink.startsWith("motion"));

  it("are 2 px wide on a pitch of 3 px, in three colours, as high as the score", () => {
    const found = bars(view);
    expect(found.map((item) => item.is === "bars" && item.ink)).toEqual(["motion-1", "motion-2", "motion-3"]);
    const high = found[2]?.is === "bars" ? found[2].rects : [];
    expect(high.slice(0, 4)).toEqual([expect.any(Number), RULER_PX + 9 + 36 - 27, 2, 27]);
  });

  it("keep their height while panning", () => {
    const heights = (items: Item[]): number[] => items.flatMap((item) => (item.is === "bars" ? [item.rects.length] : []));
    const moved = { ...view, begin_ms: view.begin_ms + 54_000, end_ms: view.end_ms + 54_000 };
    expect(heights(bars(moved))).toEqual(heights(bars(view)));
  });
});

describe("pins", () => {
  it("that would cover each other become one, led by what matters most", () => {
    const found = clusters(view, [event("a", 10, "motion"), event("b", 12), event("c", 60)], 22);
    expect(found.map((cluster) => cluster.events.map((each) => each.id))).toEqual([["a", "b"], ["c"]]);
    const shown = lanesLayout(view, data(lane({ events: [event("a", 10, "motion"), event("b", 12)] })), look);
    expect(flat(shown)).toContainEqual(expect.objectContaining({ is: "badge", ink: "kind-person", count: "2" }));
  });

  it("keep every kind among them", () => {
    const shown = lanesLayout(view, data(lane({ events: [event("a", 10, "motion"), event("b", 12), event("c", 12, "vehicle")] })), look);
    expect(flat(shown)).toContainEqual(expect.objectContaining({ ink: "kind-person", also: ["kind-vehicle", "kind-motion"] }));
  });

  it("come apart on zooming", () => {
    const near = { ...view, end_ms: view.begin_ms + HOUR_MS };
    expect(clusters(near, [event("a", 10), event("b", 12)], 22)).toHaveLength(2);
  });
});

describe("hit", () => {
  const shown = lanesLayout(view, data(lane({ gaps: [gap(100, 115, "Wi-Fi lost")], events: [event("a", 30)] }), lane({ id: "gate" })), look);
  const row = RULER_PX + LANE_PX / 2;

  it("finds pins before lanes, gaps, lanes and the ruler", () => {
    expect(hit(shown, 100, RULER_PX + 15)).toMatchObject({ is: "pin", lane: "front", events: [{ id: "a" }] });
    expect(hit(shown, 350, row)).toMatchObject({ is: "gap", gap: { words: "Wi-Fi lost" } });
    expect(hit(shown, 600, row)).toEqual({ is: "lane", lane: "front" });
    expect(hit(shown, 600, row + LANE_PX)).toEqual({ is: "lane", lane: "gate" });
    expect(hit(shown, 600, 10)).toEqual({ is: "ruler" });
    expect(hit(shown, 600, 1000)).toBeNull();
  });

  it("gives a pin at least 24 px", () => {
    expect(hit(shown, 100 - 11.9, RULER_PX + 4)).toMatchObject({ is: "pin" });
    expect(hit(shown, 100 + 11.9, RULER_PX + 28)).toMatchObject({ is: "pin" });
  });
});

describe("entries", () => {
  const lanes = [lane({ events: [event("a", 126)], gaps: [gap(182, 201, "Wi-Fi lost")] }), lane({ id: "gate", name: "Gate", gaps: [gap(240, null, "Wrong password")] })];

  it("are sentences in order of time", () => {
    const found = entries(data(...lanes), view.begin_ms, view.end_ms, Zone.utc);
    expect(found.map((entry) => entry.sentence)).toEqual([
      "18:06 to 18:06 Person, Front door",
      "19:02 to 19:21 Not recorded: Wi-Fi lost, Front door",
      "Since 20:00 Not recorded: Wrong password, Gate",
    ]);
  });

  it("hold recorded spans when all is asked for", () => {
    const found = entries(data(lane({})), view.begin_ms, view.end_ms, Zone.utc, true);
    expect(found.map((entry) => entry.is)).toEqual(["recorded"]);
  });

  it("leave out what the range does not touch", () => {
    expect(entries(data(...lanes), view.begin_ms, BEGIN + 60_000, Zone.utc)).toEqual([]);
  });
});
