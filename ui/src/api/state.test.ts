// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { lost, startState, stopState } from "./state";

class Line {
  static readonly OPEN = 1;
  static made: Line[] = [];
  readyState = Line.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor() {
    Line.made.push(this);
  }
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("fetch", () => Promise.reject(new Error("away")));
  Line.made = [];
  startState(() => {});
});
afterEach(() => {
  stopState();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("notices a silent line although the clock was set back", () => {
  Line.made[0]?.onopen?.();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(14_000);
  expect([lost.value, Line.made.length > 1]).toEqual([true, true]);
});

it("tries again and says so although the clock was set back", () => {
  Line.made[0]?.onopen?.();
  Line.made[0]?.onclose?.({ code: 1006 });
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(6_000);
  expect([lost.value, Line.made.length > 1]).toEqual([true, true]);
});
