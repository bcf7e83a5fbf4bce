// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Watching } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { camera } from "../../testing/make";
import { Editor } from "./Editor";
import type { Point } from "./geometry";
import { Places } from "./Places";
import { TuningStore } from "./store";

const yard = { name: "yard", points: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]] };
const gate = { name: "gate", points: [[0.2, 0.8], [0.6, 0.8]] };
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => {
    const watch = { zones: [yard], lines: [gate], mask: [], private: [], level: 40, alert: [], detector: "", numbers: {} };
    return { watch, version: "1", detectors: [] } as unknown as Watching;
  },
}));

let store: TuningStore;
let layer: HTMLElement;
const SIDE_PX = 100;

beforeEach(async () => {
  store = new TuningStore("front");
  await store.load();
  HTMLElement.prototype.setPointerCapture = () => {};
  SVGElement.prototype.setPointerCapture = () => {};
  const { container } = render(
    <>
      <Editor store={store} camera={camera("front", "paused")} reading={signal(null)} draws={["zones", "lines", "mask"]} disabled={false} />
      <Places store={store} disabled={false} />
    </>,
  );
  layer = container.querySelector<HTMLElement>("[data-layer]")!;
  layer.getBoundingClientRect = () => ({ left: 0, top: 0, width: SIDE_PX, height: SIDE_PX }) as DOMRect;
});
afterEach(cleanup);

const press = (label: string) => act(() => void fireEvent.click(screen.getByText(label), { detail: 1 }));
const point = (type: string, [x, y]: Point, on: Element = layer, isPrimary = true) =>
  act(() => void fireEvent(on, Object.assign(new Event(type, { bubbles: true }), { pointerId: isPrimary ? 1 : 2, isPrimary, clientX: x * SIDE_PX, clientY: y * SIDE_PX })));
const drag = (tool: string, from: Point, to: Point) => {
  press(tool);
  point("pointerdown", from);
  point("pointermove", to);
  point("pointerup", to);
};
const heightOf = (points: readonly Point[] = []) => Math.max(...points.map(([, y]) => y)) - Math.min(...points.map(([, y]) => y));
const find = <T extends HTMLElement>(which: string) => document.querySelector<T>(which)!;
const choose = (what: "zones" | "lines") => act(() => void (store.chosen.value = { what, index: 0 }));
const soon = () => act(() => new Promise((done) => setTimeout(done)));

it("makes a zone with an area of a straight swipe", () => {
  drag(words.picture.tools.zones, [0.2, 0.5], [0.7, 0.5]);
  expect(heightOf(store.draft.value?.zones[1]?.points)).toBeGreaterThan(0.1);
});

it("keeps a straight line as it is drawn", () => {
  drag(words.picture.tools.lines, [0.2, 0.5], [0.7, 0.5]);
  expect(store.draft.value?.lines[1]?.points).toEqual([[0.2, 0.5], [0.7, 0.5]]);
});

it("draws nothing with two fingers", () => {
  press(words.picture.tools.zones);
  point("pointerdown", [0.3, 0.3]);
  point("pointerdown", [0.6, 0.6], layer, false);
  point("pointermove", [0.9, 0.9]);
  point("pointerup", [0.9, 0.9]);
  expect(store.draft.value?.zones.length).toBe(1);
});

it("chooses a line by a press on it, and moves it by a drag", () => {
  const line = find('[data-shape="lines 0"]');
  point("pointerdown", [0.4, 0.8], line);
  expect(store.chosen.value).toEqual({ what: "lines", index: 0 });
  point("pointermove", [0.5, 0.6], line);
  expect(store.draft.value?.lines[0]?.points).toEqual([[0.3, 0.6], [0.7, 0.6]]);
});

it("tells only of shapes that their edges take points", () => {
  const hint = () => find(".ed-hint").textContent;
  choose("zones");
  expect(hint()).toContain(words.picture.hint);
  choose("lines");
  expect(hint()).not.toContain(words.picture.hint);
});

it("undoes the name in its field too", () => {
  choose("zones");
  const field = screen.getByLabelText<HTMLInputElement>(words.places.name);
  act(() => void fireEvent.input(field, { target: { value: "Driveway" } }));
  act(() => void fireEvent.change(field));
  expect(store.draft.value?.zones[0]?.name).toBe("driveway");
  press(words.picture.undo);
  expect([store.draft.value?.zones[0]?.name, field.value]).toEqual(["yard", "Yard"]);
});

it("keeps the focus at a point when the last one is deleted", async () => {
  choose("zones");
  find('[data-point="3"]').focus();
  act(() => void fireEvent.keyDown(find('[data-point="3"]'), { key: "Delete" }));
  await soon();
  expect(document.activeElement).toBe(find('[data-point="2"]'));
});

it("gives the focus to the shape when its points are left", () => {
  choose("zones");
  find('[data-point="1"]').focus();
  act(() => void fireEvent.keyDown(find('[data-point="1"]'), { key: "Escape" }));
  expect([store.chosen.value, document.activeElement?.textContent]).toEqual([null, "Yard"]);
});

it("gives the focus to Add when an entry of the list is removed", () => {
  choose("zones");
  find(".place-out").focus();
  act(() => void fireEvent.click(find(".place-out")));
  expect(document.activeElement?.getAttribute("aria-label")).toBe(`${words.places.add}: ${words.places.zones}`);
});

it("keeps the focus on Undo when nothing is left to undo", () => {
  act(() => store.setLevel(50, true));
  const undo = screen.getByText<HTMLButtonElement>(words.picture.undo);
  undo.focus();
  act(() => void fireEvent.click(undo));
  expect([undo.disabled, undo.getAttribute("aria-disabled"), document.activeElement]).toEqual([false, "true", undo]);
});
