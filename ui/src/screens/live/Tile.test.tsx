// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { modes } from "../../api/modes";
import type { ModesInfo } from "../../api/schema";
import { camera } from "../../testing/make";
import { when, zone } from "../../ui/times";
import { quietWords } from "./Tile";

afterEach(() => void vi.useRealTimers());

it("says since when a camera is paused in words that fit today and the day after", () => {
  zone.value = "UTC";
  const since_ms = Date.UTC(2026, 10, 28, 23, 55);
  const hold = { camera: "front", what: "pause", by: "Anna", since_ms, until_ms: null };
  modes.value = { holds: [hold] } as unknown as ModesInfo;
  for (const now of [since_ms + 60_000, since_ms + 600_000]) {
    vi.useFakeTimers({ now });
    const { sub } = quietWords(camera("front", "paused"));
    expect(sub).toBe(`Paused by Anna since ${when(since_ms)}. Nothing is recorded or shown.`);
  }
  expect(when(since_ms)).toMatch(/^yesterday /);
});
