import { describe, expect, it } from "vitest";
import { type Happening, type Lane, NO_MOTION } from "./data";
import { PLAYHEAD_PX, type TapeView, framesOf, shownSpan, tapeLayout, timeAtY, yOf } from "./tape";
import { Zone } from "./zone";

const AT = Date.UTC(2026, 5, 13, 20, 31, 42);
const NOW = AT + 16 * 60_000;
const tape: TapeView = { playhead_ms: AT, ms_per_px: 15_000, width: 390, height: 380 };
const event = (id: string, minutes_before: number): Happening => ({
  ...{ id, camera: "drive", kind: "vehicle", title: "Car", picture: null, kept: false },
  ...{ start_ms: AT - minutes_before * 60_000, end_ms: null },
});
const lane = (events: Happening[]): Lane => ({
  ...{ id: "drive", name: "Driveway", spans: [[AT - 9e6, NOW]], gaps: [], damage: [], events, motion: NO_MOTION },
});
const measure = (text: string): number => text.length * 7;

describe("the tape", () => {
  it("has the playhead 120 px below its top, and newer time above", () => {
    expect(yOf(tape, AT)).toBe(PLAYHEAD_PX);
    expect(yOf(tape, AT + 60_000)).toBeLessThan(PLAYHEAD_PX);
    expect(timeAtY(tape, yOf(tape, 12345))).toBeCloseTo(12345, 3);
    expect(shownSpan(tape)[0]).toBeLessThan(shownSpan(tape)[1]);
  });

  it("tells the longest of gaps that lie together, and not the moment of a start", () => {
    const gap = (begin_s: number, end_s: number, detail: string) => ({
      ...{ begin_ms: AT - begin_s * 1000, end_ms: AT - end_s * 1000, reason: "recorder_off", words: "tawny was off" },
      ...{ detail, tone: "warn" as const },
    });
    const gaps = [gap(2000, 1800, "power"), gap(1700, 1690, "crash"), gap(600, 598, "starting")];
    const shown = tapeLayout(tape, { ...lane([]), gaps }, NOW, Zone.utc, measure);
    expect(shown.gaps.map((each) => each.value.detail)).toEqual(["power"]);
  });

  it("tells every event by a pin, also one without room for a card", () => {
    const crowd = Array.from({ length: 12 }, (_, n) => event(String(n), 1 + n / 10));
    const shown = tapeLayout(tape, lane([...crowd, { ...event("p", 1.5), kind: "person" }]), NOW, Zone.utc, measure);
    expect(shown.cards.length).toBeLessThan(13);
    expect(shown.items).toContainEqual(expect.objectContaining({ is: "badge", ink: "kind-person", also: ["kind-vehicle"], count: "13" }));
  });

  it("has pictures of round instants that are recorded, wide enough apart", () => {
    const found = framesOf(tape, 380, 44, PLAYHEAD_PX, [[AT - 3_600_000, AT]]);
    expect(found.length).toBeGreaterThan(2);
    expect(found.every((at) => at % 900_000 === 0 && at >= AT - 3_600_000 && at < AT)).toBe(true);
  });

  it("sets cards below each other, clear of the playhead's label", () => {
    const shown = tapeLayout(tape, lane([event("a", 0), event("b", 1), event("c", 30)]), NOW, Zone.utc, measure);
    const tops = shown.cards.map((card) => card.y);
    expect(shown.cards.map((card) => card.value.id)).toEqual(["a", "b", "c"]);
    expect(tops[0]).toBeGreaterThanOrEqual(PLAYHEAD_PX + 12);
    expect(tops[1]).toBeGreaterThanOrEqual((tops[0] ?? 0) + 64);
  });

  it("puts a gap's sentence in the middle of what is shown of it", () => {
    const gap = { begin_ms: AT - 600_000, end_ms: AT - 300_000, reason: "wifi", words: "Wi-Fi lost", detail: "", tone: "warn" as const };
    const shown = tapeLayout(tape, { ...lane([]), gaps: [gap] }, NOW, Zone.utc, measure);
    expect(shown.gaps).toEqual([{ value: gap, y: PLAYHEAD_PX + 30 }]);
  });
});
