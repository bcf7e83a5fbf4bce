// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { modes } from "../../api/modes";
import type { ModesInfo } from "../../api/schema";
import type { CameraState } from "../../api/types";
import type { Live } from "../../live/useLive";
import { camera } from "../../testing/make";
import { translate } from "../../testing/translated";
import { when, zone } from "../../ui/times";
import { NumbersBox, Tile, quietWords } from "./Tile";

afterEach(cleanup);
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

it("says what is true of a camera on a page that the browser translates", () => {
  const shown = (at: CameraState, detail: string) => <Tile camera={camera("front", at, { detail })} hero={false} canBeHero={false} fine={false} many={false} />;
  modes.value = null;
  const { container, rerender } = render(shown("off", "Since Monday."));
  translate(container);
  rerender(shown("ended", "Since Tuesday."));
  const fresh = document.createElement("div");
  render(shown("ended", "Since Tuesday."), { container: fresh });
  expect(container.textContent).toBe(fresh.textContent);
});

it("counts on, on a page that the browser translates", () => {
  const numbers = signal({ codec: "H.264", width: 640, height: 360, fps: 5, of: null, bit_rate: 1e6, delay: null, lost: null, through: null });
  const live = { numbers, view: signal({ kind: "playing" }), by: signal({ name: "mse", why: "best" }), slow: signal(false) } as unknown as Live;
  const { container } = render(<NumbersBox live={live} />);
  translate(container);
  act(() => void (numbers.value = { ...numbers.value, bit_rate: 7.5e6 }));
  expect(container.textContent).toContain("7.5");
});
