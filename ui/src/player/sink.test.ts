// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";

vi.stubGlobal(
  "MediaSource",
  class extends EventTarget {
    readyState = "closed";
  },
);
vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:film");
const { Sink } = await import("./sink");

afterEach(() => vi.unstubAllGlobals());

it("is never sent to just where a picture begins, so that what a browser tells of it is not taken for that", () => {
  const sink = new Sink(document.createElement("video"), 0);
  sink.seek(40_000);
  expect(sink.at_ms).toBeCloseTo(sink.sought_ms, 6);
  expect(sink.sought_ms - 40_000).toBeGreaterThan(0.2);
});
