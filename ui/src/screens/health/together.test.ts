import { expect, it } from "vitest";
import { type CameraGap, together } from "./together";

const gap = (camera: string, begin_s: number, end_s: number | null, more: Partial<CameraGap> = {}): CameraGap => ({
  ...{ camera, begin_ms: begin_s * 1000, end_ms: end_s === null ? null : end_s * 1000 },
  ...{ reason: "unreachable", words: "Camera not answering", detail: "", tone: "warn", evidence: null },
  ...more,
});
const rows = (...gaps: CameraGap[]) => together(gaps, 1_000_000).map((row) => [row.cameras.join(), row.gap.begin_ms / 1000]);

it("joins what cameras missed together, and tells the longest", () => {
  expect(rows(gap("front", 100, 130), gap("hall", 104, 180), gap("front", 500, 510))).toEqual([
    ["front", 500],
    ["hall,front", 104],
  ]);
});
it("keeps apart what has another reason, lasts, or is the same camera's", () => {
  expect(rows(gap("front", 100, 130), gap("hall", 100, 130, { reason: "auth" }))).toHaveLength(2);
  expect(rows(gap("front", 100, 130), gap("hall", 100, null))).toHaveLength(2);
  expect(rows(gap("front", 100, 102), gap("front", 105, 108))).toHaveLength(2);
});
it("leaves out what was removed, the moment of a start, and a stop's last instant", () => {
  const off = { reason: "recorder_off" };
  expect(
    rows(
      gap("front", 1, 9, { reason: "removed", tone: "faint" }),
      gap("front", 100, 103, { ...off, detail: "starting", tone: "choice" }),
      gap("front", 100, 100.2, { ...off, detail: "stopped" }),
    ),
  ).toEqual([]);
});
