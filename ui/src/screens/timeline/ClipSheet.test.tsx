// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, fireEvent, render, screen } from "@testing-library/preact";
import { expect, it, vi } from "vitest";
import { t } from "../../strings";
import ClipSheet from "./ClipSheet";
import type { TimelineModel } from "./model";

const asked = vi.hoisted(() => vi.fn(() => new Promise(() => {})));
vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), post: asked }));

it("makes one clip, however often it is asked before the answer", async () => {
  const lane = { id: "front", name: "Front", gaps: [], events: [] };
  const marks = { begin_ms: 0, end_ms: 10_000 };
  const model = { chosen: signal(["front"]), marks: signal(marks), saving: signal(true), lanes: signal([lane]) };
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  const button = screen.getByText(t.timeline.clip.keepHere);
  for (let n = 0; n < 2; n += 1)
    await act(async () => {
      fireEvent.click(button);
    });
  expect(asked).toHaveBeenCalledTimes(1);
});
