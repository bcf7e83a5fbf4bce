// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { camera } from "../testing/make";
import Jpegs from "./Jpegs";
import type { Live } from "./useLive";

const line = vi.hoisted(() => ({ back: (): void => {} }));
vi.mock("../api/state", () => ({
  on: (_: "back", listen: () => void) => {
    line.back = listen;
    return () => {};
  },
}));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});
const playing = () => ({ seen: signal(true), view: signal({ kind: "idle" }), numbers: signal(null), fail: () => {} }) as unknown as Live;

it("asks for the pictures anew when the camera has begun anew, which ended them", () => {
  window.dispatchEvent(new Event("load"));
  const live = playing();
  const shown = (since_ms: number) => <Jpegs camera={camera("front", "recording", { since_ms })} live={live} width={640} look="" />;
  const { rerender } = render(shown(1_000));
  const before = screen.getByAltText("Front");
  rerender(shown(1_000));
  expect(screen.getByAltText("Front")).toBe(before);
  rerender(shown(2_000));
  expect(screen.getByAltText("Front")).not.toBe(before);
  expect(screen.getByAltText<HTMLImageElement>("Front").src).toContain("/cameras/front/mjpeg");
});

it.each([
  ["when the line is back", () => line.back()],
  ["each minute", () => vi.advanceTimersByTime(60_000)],
])("asks for the pictures again %s: a browser tells of no end", async (_, happens) => {
  vi.useFakeTimers();
  window.dispatchEvent(new Event("load"));
  render(<Jpegs camera={camera("front")} live={playing()} width={640} look="" />);
  await vi.advanceTimersByTimeAsync(100);
  const { src } = screen.getByAltText<HTMLImageElement>("Front");
  happens();
  await vi.advanceTimersByTimeAsync(100);
  const then = screen.getByAltText<HTMLImageElement>("Front").src;
  expect([then.includes("/cameras/front/mjpeg"), then === src]).toEqual([true, false]);
});

it("shows a still between two streams, which ends the first one before the second begins", async () => {
  vi.useFakeTimers();
  vi.spyOn(HTMLCanvasElement.prototype, "toDataURL").mockReturnValue("blob:still");
  render(<Jpegs camera={camera("front")} live={playing()} width={640} look="" />);
  await vi.advanceTimersByTimeAsync(100);
  const image = screen.getByAltText<HTMLImageElement>("Front");
  const { src } = image;
  Object.defineProperty(image, "naturalWidth", { value: 640 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(image.src).toBe("blob:still");
  fireEvent.load(image);
  await vi.advanceTimersByTimeAsync(100);
  expect([image.src.includes("/cameras/front/mjpeg"), image.src === src]).toEqual([true, false]);
});

it("asks for single images once a second, also after the line was away, and for none once it is gone", async () => {
  vi.useFakeTimers();
  const { unmount } = render(<Jpegs camera={camera("front")} live={playing()} width={320} look="" />);
  const image = screen.getByAltText<HTMLImageElement>("Front");
  let asked = 0;
  const loads = new MutationObserver(() => {
    asked += 1;
    setTimeout(() => fireEvent.load(image), 10);
  });
  loads.observe(image, { attributeFilter: ["src"] });
  fireEvent.load(image);
  await vi.advanceTimersByTimeAsync(60_000);
  line.back();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBeGreaterThan(100);
  expect(asked).toBeLessThanOrEqual(120);
  unmount();
  await vi.advanceTimersByTimeAsync(100); // those of the test and of Preact
  expect(vi.getTimerCount()).toBe(0);
});
