// @vitest-environment happy-dom
import { expect, it, vi } from "vitest";
import type { PastPlayer } from "../../player/past";
import { NO_MOTION } from "../../timeline/data";
import { NO_MARKS, TimelineModel } from "./model";

vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), get: () => new Promise(() => {}) }));

const HOUR_MS = 3_600_000;

function opened(): TimelineModel {
  return new TimelineModel({ cameras: ["gate"], at_ms: Date.now() - 10 * HOUR_MS, span_ms: 600_000 });
}

it("offers the time around the playhead for each clip, not that of the clip before", () => {
  const model = opened();
  model.save();
  const first = model.marks.value;
  model.save(); // pressed again before the sheet has loaded
  model.endSaving();
  expect([model.saving.value, model.marks.value]).toEqual([false, NO_MARKS]);
  model.go(model.group.at_ms.value + HOUR_MS);
  model.save();
  model.close();
  expect(model.marks.value.begin_ms).toBe((first.begin_ms ?? 0) + HOUR_MS);
});

it("keeps what a person has marked after its clip is saved", () => {
  const model = opened();
  model.mark("begin");
  model.nudge(20_000);
  model.mark("end");
  const marked = model.marks.value;
  model.save();
  model.endSaving();
  model.close();
  expect(model.marks.value).toEqual(marked);
});

it("shows what removed cameras have left, also without any other camera", () => {
  const model = new TimelineModel({ cameras: [], at_ms: null, span_ms: null });
  const left = { id: "gate", name: "Gate (removed)", spans: [], gaps: [], damage: [], events: [], motion: NO_MOTION };
  model.store.data.value = { ...model.store.data.value, lanes: [left] };
  expect(model.chosen.value).toEqual(["gate"]);
  model.close();
});

it("offers to play where the browser lets nothing play before a press", () => {
  const model = opened();
  const player = { place: () => {} } as unknown as PastPlayer;
  model.setPlayer("gate", player);
  model.group.play();
  player.onRefused?.();
  expect(model.group.playing.value).toBe(false);
  model.close();
});
