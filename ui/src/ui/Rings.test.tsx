// @vitest-environment happy-dom
import { act, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { latest } from "../api/events";
import { event } from "../testing/make";
import { startRings } from "./Rings";

const NOW = Date.UTC(2026, 10, 20, 12, 0);
const ring = (id: string, ago_s: number, camera = "door") => event(id, NOW - ago_s * 1_000, { type: "doorbell" as never, camera });
const shown = () => screen.queryAllByRole("dialog").map((one) => one.dataset.ring);
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW);
  latest.value = [ring("before", 5)];
  stop = startRings();
});
afterEach(() => {
  stop();
  latest.value = null;
  vi.useRealTimers();
});
const loaded = (...events: ReturnType<typeof ring>[]) => act(() => void (latest.value = events));

it("shows what rang while the connection was away, for what is left of its time", () => {
  expect(shown()).toEqual([]);
  loaded(ring("gate", 20, "gate"), ring("long-ago", 70), ring("before", 80));
  expect(shown()).toEqual(["gate"]);
  act(() => void vi.advanceTimersByTime(39_000));
  expect(shown()).toEqual(["gate"]);
  act(() => void vi.advanceTimersByTime(2_000));
  expect(shown()).toEqual([]);
});

it("shows no ring again that was dismissed, and one for each camera", () => {
  loaded(ring("second", 1), ring("first", 9));
  expect(shown()).toEqual(["door"]);
  act(() => screen.getByText("Dismiss").click());
  loaded(ring("second", 1), ring("first", 9));
  expect(shown()).toEqual([]);
});
