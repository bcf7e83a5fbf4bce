// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { TimelinePart } from "../../api/types";
import { TimelineStore } from "./store";

interface Request {
  begin_ms: number;
  end_ms: number;
  answer: () => void;
  refuse: (reason: ApiError) => void;
}

const heard = vi.hoisted(() => new Map<string, (what: object) => void>());
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: object) => void) => {
    heard.set(name, listen);
    return () => heard.delete(name);
  },
}));

const requests = vi.hoisted((): Request[] => []);
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (_: string, { from_ms, to_ms }: { from_ms: number; to_ms: number }, signal: AbortSignal) =>
    new Promise((answer, refuse) => {
      signal.addEventListener("abort", () => refuse(new DOMException("", "AbortError")));
      requests.push({ begin_ms: from_ms, end_ms: to_ms, answer: () => answer(part(from_ms, to_ms)), refuse });
    }),
}));

function part(begin_ms: number, end_ms: number): TimelinePart {
  const spans: [number, number][] = [[begin_ms, end_ms]];
  const gate = { id: "gate", name: "Gate", spans, gaps: [], damage: [], events: [] };
  return { now_ms: NOW, begin_ms, end_ms, cameras: [{ ...gate, motion: { begin_ms, step_s: 60, data: "" } }] } as unknown as TimelinePart;
}

const NOW = Date.UTC(2026, 5, 13, 20);
const HOUR_MS = 3_600_000;
const today = { begin_ms: NOW - 3 * HOUR_MS, end_ms: NOW - 2 * HOUR_MS, width: 1000 };
const yesterday = { begin_ms: today.begin_ms - 24 * HOUR_MS, end_ms: today.end_ms - 24 * HOUR_MS, width: 1000 };
let store: TimelineStore;

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW });
  requests.length = 0;
  store = new TimelineStore();
  store.want(today);
  await vi.advanceTimersByTimeAsync(0);
  requests[0]!.answer();
  await vi.advanceTimersByTimeAsync(0);
});
afterEach(() => {
  store.close();
  vi.useRealTimers();
});

const isShown = () => store.data.value.begin_ms <= today.begin_ms && store.data.value.end_ms >= today.end_ms;

it("keeps what it shows when the view comes back before another time is asked for", async () => {
  store.want(yesterday);
  await vi.advanceTimersByTimeAsync(30);
  store.want(today);
  await vi.advanceTimersByTimeAsync(500);
  expect([requests.length, isShown()]).toEqual([1, true]);
});

it("keeps what it shows when the view comes back before the answer about another time", async () => {
  store.want(yesterday);
  await vi.advanceTimersByTimeAsync(500);
  store.want(today);
  requests[1]!.answer();
  await vi.advanceTimersByTimeAsync(500);
  expect([requests.length, isShown()]).toEqual([2, true]);
});

it("says no more that another time could not be loaded once the view has come back", async () => {
  store.want(yesterday);
  await vi.advanceTimersByTimeAsync(500);
  requests[1]!.refuse(new ApiError(500, "failed", "It failed.", ""));
  await vi.advanceTimersByTimeAsync(0);
  expect(store.failed.value).not.toBeNull();
  store.want(today);
  expect([store.failed.value, isShown()]).toEqual([null, true]);
});

it("loads again what it shows when a time was deleted, once for several cameras", async () => {
  for (const camera of ["gate", "yard"]) heard.get("gap")!({ camera, begin_ms: today.begin_ms, end_ms: today.end_ms, reason: "removed" });
  await vi.advanceTimersByTimeAsync(1500);
  expect(requests.length).toBe(2);
});

it("loads nothing again for a time that is missing", async () => {
  heard.get("gap")!({ camera: "gate", begin_ms: today.begin_ms, end_ms: null, reason: "stalled" });
  await vi.advanceTimersByTimeAsync(2000);
  expect(requests.length).toBe(1);
});
