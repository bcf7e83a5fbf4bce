// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { cleanup, createEvent, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { timeline as words } from "../../strings/timeline";
import Marks from "./Marks";
import type { TimelineModel } from "./model";

afterEach(cleanup);

const BEGIN_MS = Date.UTC(2026, 5, 13, 20);
const END_MS = BEGIN_MS + 30_000;

it("moves a handle by a second with the arrows, and by ten with Shift", async () => {
  const marks = signal({ begin_ms: BEGIN_MS, end_ms: END_MS });
  const view = signal({ begin_ms: BEGIN_MS - 60_000, end_ms: END_MS + 60_000, width: 1000 });
  render(<Marks model={{ marks, view } as unknown as TimelineModel} />);
  const press = async (name: string, init: KeyboardEventInit) => {
    const handle = screen.getByRole("slider", { name });
    const event = createEvent.keyDown(handle, init);
    fireEvent(handle, event);
    await Promise.resolve();
    return event.defaultPrevented;
  };
  const { begin, end } = words.clip;
  expect(await press(begin, { key: "ArrowRight" })).toBe(true);
  expect(await press(end, { key: "ArrowLeft", shiftKey: true })).toBe(true);
  expect(marks.value).toEqual({ begin_ms: BEGIN_MS + 1000, end_ms: END_MS - 10_000 });
  await screen.findByText((_, node) => node?.getAttribute("aria-valuenow") === String(END_MS - 10_000));
  await press(end, { key: "ArrowLeft", shiftKey: true });
  await press(begin, { key: "ArrowRight", shiftKey: true }); // not past the other
  expect(marks.value).toEqual({ begin_ms: BEGIN_MS + 1000, end_ms: END_MS - 20_000 });
  expect(await press(begin, { key: "ArrowLeft", altKey: true })).toBe(false); // back, in the browser
});
