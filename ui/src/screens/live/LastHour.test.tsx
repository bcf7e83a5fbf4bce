// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { camera } from "../../testing/make";
import { clock, zone } from "../../ui/times";
import { LastHour } from "./LastHour";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("goes on while the camera is paused", async () => {
  zone.value = "UTC";
  const now = Date.UTC(2026, 10, 28, 23, 55);
  vi.useFakeTimers({ now });
  const lane = { id: "front", spans: [], gaps: [], events: [], damage: [], activity: [] };
  vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ cameras: [lane] }))));
  render(<LastHour camera={camera("front", "paused")} />);
  await vi.advanceTimersByTimeAsync(1_000);
  screen.getByText(clock(now - 3_600_000));
  await vi.advanceTimersByTimeAsync(6 * 60_000 + 5_000);
  expect(screen.getByText(clock(now - 3_600_000 + 6 * 60_000))).toBeTruthy();
});
