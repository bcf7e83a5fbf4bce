// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { fireEvent, render } from "@testing-library/preact";
import { expect, it, vi } from "vitest";
import type { Watching } from "../../api/types";
import { Meter } from "./Meter";
import { TuningStore } from "./store";

const yard = { name: "yard", points: [[0, 0], [1, 0], [1, 1]], level: 30 };
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => {
    const watch = { zones: [yard], lines: [], mask: [], private: [], level: 40, alert: [], detector: "", numbers: {} };
    return { watch, version: "1", detectors: [] } as unknown as Watching;
  },
}));

it("undoes a whole drag of a zone's level at once", async () => {
  const store = new TuningStore("gate");
  await store.load();
  store.chosen.value = { what: "zones", index: 0 };
  const { container } = render(<Meter store={store} reading={signal(null)} disabled={false} />);
  const bar = container.querySelector(".mm-bar") as HTMLElement;
  bar.getBoundingClientRect = () => ({ top: 0, height: 100 }) as DOMRect;
  bar.setPointerCapture = () => {};
  bar.hasPointerCapture = () => true;
  for (const [type, clientY] of [["pointerdown", 60], ["pointermove", 50], ["pointermove", 40]] as const)
    fireEvent(bar, Object.assign(new Event(type, { bubbles: true }), { pointerId: 1, clientY }));
  expect(store.draft.value?.zones[0]?.level).toBe(60);
  store.undo();
  expect([store.draft.value?.zones[0]?.level, store.canUndo.value]).toEqual([30, false]);
});
