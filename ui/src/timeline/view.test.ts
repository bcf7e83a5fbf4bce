import { describe, expect, it } from "vitest";
import { HOUR_MS, LONGEST_MS, SHORTEST_MS, paged, panBy, presetAround, presetFor, presetOf, revealing, spanOf, timeAt, type View, xOf, zoomAround, zoomAt } from "./view";
import { Zone } from "./zone";

const BEGIN = Date.UTC(2026, 5, 13, 14);
const view: View = { begin_ms: BEGIN, end_ms: BEGIN + 6 * HOUR_MS, width: 1180 };
/** Long after the view: no future is near. */
const LATER = BEGIN + 10 * 24 * HOUR_MS;
const day = Zone.utc.day(BEGIN);

/** A small generator with a seed, so that a failure comes again. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("zoomAt", () => {
  it("keeps the instant under the pointer, over any chain of zooms", () => {
    const next = numbers(7);
    for (let chain = 0; chain < 200; chain += 1) {
      let now = view;
      const x = next() * view.width;
      const fixed = timeAt(now, x);
      for (let step = 0; step < 30; step += 1) now = zoomAt(now, x, 0.5 + next() * 1.5, LATER);
      expect(Math.abs(xOf(now, fixed) - x)).toBeLessThan(0.5);
    }
  });

  it("ends at a minute and at a long day", () => {
    expect(spanOf(zoomAt(view, 100, 1e-6, LATER))).toBeCloseTo(SHORTEST_MS, 3);
    expect(spanOf(zoomAt(view, 100, 1e6, LATER))).toBeCloseTo(LONGEST_MS, 3);
  });
});

describe("panBy", () => {
  it("moves by as much time as was dragged", () => {
    const moved = panBy(view, 118, BEGIN + 5 * HOUR_MS);
    expect(view.begin_ms - moved.begin_ms).toBeCloseTo(0.6 * HOUR_MS, 3);
  });

  it("stops a fifth after now", () => {
    const now_ms = BEGIN + 5 * HOUR_MS;
    expect(xOf(panBy(view, -100_000, now_ms), now_ms)).toBeCloseTo(view.width * 0.8, 3);
  });
});

describe("the future", () => {
  const now_ms = BEGIN + 5.5 * HOUR_MS;
  it("never fills more than a fifth, however one zooms", () => {
    const next = numbers(11);
    let now = view;
    for (let step = 0; step < 500; step += 1) {
      now = zoomAt(now, next() * now.width, 0.5 + next() * 1.5, now_ms);
      expect((now.end_ms - now_ms) / spanOf(now)).toBeLessThanOrEqual(0.2 + 1e-9);
    }
  });

  it("of a whole day is shown, and gets no more", () => {
    const morning = BEGIN - 8 * HOUR_MS;
    const whole = presetAround(view, "day", morning, day, morning);
    expect(panBy(whole, -300, morning)).toEqual({ ...whole, begin_ms: whole.begin_ms, end_ms: whole.end_ms });
    const closer = zoomAt(whole, whole.width * 0.9, 0.5, morning);
    expect((closer.end_ms - morning) / spanOf(closer)).toBeLessThanOrEqual((whole.end_ms - morning) / spanOf(whole) + 1e-9);
  });

  it("does not come with a turned page", () => {
    const turned = paged(view, now_ms - 60_000, now_ms);
    expect(xOf(turned, now_ms)).toBeCloseTo(view.width * 0.8, 3);
  });
});

describe("zoomAround", () => {
  const day: View = { begin_ms: 0, end_ms: 24 * HOUR_MS, width: 960 };
  const zoomed = (now_ms: number, times: number) => Array.from({ length: times }).reduce<View>((view) => zoomAround(view, 0.5, now_ms, day.end_ms), day);

  it.each([0.02, 0.7, 6, 12, 23.9])("a view closer to now shows what was before, at %d o'clock", (hour) => {
    const view = zoomed(hour * HOUR_MS, 7);
    expect((view.end_ms - hour * HOUR_MS) / spanOf(view)).toBeLessThanOrEqual(0.2);
    expect(xOf(view, hour * HOUR_MS)).toBeGreaterThan(0);
  });

  it("another day is enlarged around its middle", () => {
    expect(timeAt(zoomed(30 * HOUR_MS, 2), 480)).toBe(12 * HOUR_MS);
  });

  it("a wider view leaves now where it is", () => {
    const view = zoomed(12 * HOUR_MS, 3);
    expect(xOf(zoomAround(view, 2, 12 * HOUR_MS, day.end_ms), 12 * HOUR_MS)).toBeCloseTo(xOf(view, 12 * HOUR_MS));
  });
});

describe("presets", () => {
  it("a day is the recorder's day", () => {
    const whole = presetAround(view, "day", BEGIN, day, BEGIN);
    expect([whole.begin_ms, whole.end_ms]).toEqual([day.begin_ms, day.end_ms]);
    expect(presetOf(whole, day)).toBe("day");
  });

  it.each(["6h", "1h", "10min"] as const)("%s holds the playhead", (preset) => {
    const made = presetAround(view, preset, BEGIN, day, BEGIN + 60_000);
    expect(presetOf(made, day)).toBe(preset);
    expect(xOf(made, BEGIN)).toBeGreaterThan(0);
    expect(xOf(made, BEGIN)).toBeLessThanOrEqual(made.width * 0.81);
  });

  it("none of them after free zooming", () => {
    expect(presetOf(zoomAt(view, 0, 0.7, LATER), day)).toBeNull();
  });
});

describe("following", () => {
  it("turns the page past 80 %", () => {
    expect(paged(view, timeAt(view, view.width * 0.79), LATER)).toBe(view);
    const turned = paged(view, timeAt(view, view.width * 0.81), LATER);
    expect(xOf(turned, timeAt(view, view.width * 0.81))).toBeCloseTo(view.width * 0.15, 3);
  });

  it("shows an instant that is outside, and stays when it is inside", () => {
    expect(revealing(view, BEGIN + HOUR_MS, LATER)).toBe(view);
    expect(xOf(revealing(view, BEGIN - HOUR_MS, LATER), BEGIN - HOUR_MS)).toBeCloseTo(view.width / 2, 3);
  });
});

it.each([
  [0, "10min"],
  [8, "10min"],
  [9, "1h"],
  [48, "1h"],
  [49, "6h"],
  [60 * 24 * 30, "6h"],
])("a recorder that is %d minutes old is first shown over %s", (minutes, preset) =>
  expect(presetFor(minutes * 60_000)).toBe(preset));
