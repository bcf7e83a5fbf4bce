// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, expect, it, vi } from "vitest";
import { listenToFingers, type Scrubbed } from "./fingers";
import { TimelineModel } from "./model";

vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), get: () => new Promise(() => {}) }));

const scale = signal(15_000);
const scrubbed = signal<Scrubbed | null>(null);
let model: TimelineModel;
let node: HTMLElement;
let stop: () => void;

function open(at_ms: number | null): void {
  model = new TimelineModel({ cameras: ["gate"], at_ms, span_ms: null });
  model.group.playing.value = true;
  node = document.createElement("div");
  stop = listenToFingers(node, model, scale, "up", scrubbed);
}
afterEach(() => {
  stop();
  model.close();
});

function finger(type: string, pointerId: number, clientY: number): void {
  node.dispatchEvent(Object.assign(new Event(type), { pointerId, clientX: 5, clientY }));
}

function pinch(): void {
  finger("pointerdown", 1, 100);
  finger("pointerdown", 2, 200);
  model.group.at_ms.value += 60_000; // it plays on
  finger("pointermove", 2, 240);
  finger("pointerup", 2, 240);
}

it("plays on, live, while it is zoomed with two fingers", () => {
  open(null);
  const before_ms = model.group.at_ms.value;
  pinch();
  finger("pointerup", 1, 100);
  expect(model.group.at_ms.value).toBe(before_ms + 60_000);
  expect([model.group.live.value, model.group.playing.value, scrubbed.value]).toEqual([true, true, null]);
});

it("scrubs from where it has come to, when one finger drags on after a zoom", () => {
  open(Date.now() - 3_600_000);
  pinch();
  const at_ms = model.group.at_ms.value;
  finger("pointermove", 1, 90);
  expect(scrubbed.value).not.toBeNull();
  expect((model.group.at_ms.value - at_ms) / scale.value).toBeCloseTo(-10);
});
