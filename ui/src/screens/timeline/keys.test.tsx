// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { startKeys } from "../../ui/keys";
import { useTimelineKeys } from "./keys";
import { asSlider } from "./Lanes";
import type { TimelineModel } from "./model";

const AT_MS = Date.UTC(2026, 5, 13, 20, 0, 30);
afterEach(cleanup);

function made(playing: boolean) {
  const parts = {
    view: signal({ begin_ms: AT_MS - 60_000, end_ms: AT_MS + 60_000, width: 1000 }),
    group: { playing: signal(playing), live: signal(false) },
    shownLanes: signal([]),
    second: signal(AT_MS),
    minute: signal(AT_MS - 30_000),
    nudge: vi.fn(),
  };
  return { ...parts, model: parts as unknown as TimelineModel };
}

function Playhead({ model, lie }: { model: TimelineModel; lie: "vertical" | "horizontal" }) {
  useTimelineKeys(model);
  return <div class="tape-playhead" {...asSlider(model)} aria-orientation={lie} />;
}

it.each([
  ["ArrowUp", "vertical", 1000],
  ["ArrowDown", "vertical", -1000],
  ["ArrowUp", "horizontal", null],
] as const)("%s on a %s playhead moves it by %s ms", (key, lie, by_ms) => {
  const stop = startKeys();
  const { model, nudge } = made(false);
  render(<Playhead model={model} lie={lie} />);
  fireEvent.keyDown(document.body, { key });
  expect(nudge).not.toHaveBeenCalled();
  fireEvent.keyDown(screen.getByRole("slider"), { key });
  expect(nudge.mock.calls).toEqual(by_ms === null ? [] : [[by_ms]]);
  stop();
});

it.each([
  [true, "not"],
  [false, "at once"],
])("says each second while it plays (%s): %s", (playing, when) => {
  const { model, second } = made(playing);
  const before = asSlider(model);
  second.value += 1000;
  const [text, now] = (["aria-valuetext", "aria-valuenow"] as const).map((name) => asSlider(model)[name] !== before[name]);
  expect([text, now]).toEqual(when === "not" ? [false, false] : [true, true]);
});
