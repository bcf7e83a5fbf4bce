/** Fingers on the tape, upright or sideways: drag to scrub, let go to let it run out, two to zoom. */
import type { Signal } from "@preact/signals";
import { serverNow } from "../../api/state";
import { crosses } from "../../timeline/data";
import { LONGEST_MS_PER_PX, PLAYHEAD_PX, SHORTEST_MS_PER_PX } from "../../timeline/tape";
import { clamp } from "../../timeline/view";
import { buzz } from "../../ui/haptics";
import type { TimelineModel } from "./model";

const SEEK_EVERY_MS = 110;
const STILL_PX = 6;
/** Share of the speed that is left after a second of running out. */
const LEFT_AFTER_1S = 0.03;
const SLOWEST_PX_S = 12;

/** up: newest on top, the playhead near it. along: newest on the right, the playhead in the middle. */
export type Lie = "up" | "along";

export interface Scrubbed {
  x: number;
  y: number;
}

/** scrubbed: where the finger is that scrubs, in the node; null when none does. */
export function listenToFingers(node: HTMLElement, model: TimelineModel, scale: Signal<number>, lie: Lie, scrubbed: Signal<Scrubbed | null>): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  let at_ms = 0;
  let travelled = 0;
  let speed_px_s = 0;
  let moved_at = 0;
  let sought_at = 0;
  let frame = 0;
  let resume = false;
  let dragged = false;

  const limit = (wanted: number): number => Math.min(serverNow() - 1500, wanted);
  /** How many pixels after the playhead, in time. */
  const after = (event: { clientX: number; clientY: number }): number => {
    const box = node.getBoundingClientRect();
    return lie === "up" ? PLAYHEAD_PX - (event.clientY - box.top) : event.clientX - box.left - box.width / 2;
  };
  const show = (wanted: number, last: boolean): void => {
    const before_ms = at_ms;
    at_ms = limit(wanted);
    const lane = model.shownLanes.peek()[0];
    if (before_ms !== at_ms && (at_ms < wanted || (lane && crosses(lane, before_ms, at_ms)))) buzz();
    const now = performance.now();
    if (!last && now - sought_at < SEEK_EVERY_MS) return;
    sought_at = now;
    model.go(at_ms, { reveal: false });
  };
  const rest = (): void => {
    scrubbed.value = null;
    show(at_ms, true);
    if (resume) model.group.play();
    resume = false;
  };
  const runOut = (before: number) => (now: number): void => {
    const passed = Math.min(0.05, (now - before) / 1000);
    speed_px_s *= LEFT_AFTER_1S ** passed;
    show(at_ms + speed_px_s * passed * scale.peek(), false);
    if (Math.abs(speed_px_s) < SLOWEST_PX_S) rest();
    else frame = requestAnimationFrame(runOut(now));
  };

  const down = (event: PointerEvent): void => {
    cancelAnimationFrame(frame);
    if (fingers.size === 0) {
      at_ms = model.group.at_ms.peek();
      dragged = resume; // the tape was still running out
      resume = resume || model.group.playing.peek();
      travelled = 0;
      speed_px_s = 0;
    }
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const move = (event: PointerEvent): void => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const here = { x: event.clientX, y: event.clientY };
    if (fingers.size > 1) pinch(event.pointerId, here);
    else dragBy(lie === "up" ? here.y - before.y : before.x - here.x, event);
    fingers.set(event.pointerId, here);
  };
  const dragBy = (dy: number, event: PointerEvent): void => {
    const now = performance.now();
    travelled += Math.abs(dy);
    if (travelled < STILL_PX) return;
    if (!dragged) at_ms = model.group.at_ms.peek(); // it may have played on since the first finger was down
    dragged = true;
    if (!node.hasPointerCapture(event.pointerId)) node.setPointerCapture(event.pointerId);
    const box = node.getBoundingClientRect();
    scrubbed.value = { x: event.clientX - box.left, y: event.clientY - box.top };
    if (model.group.playing.peek()) model.group.pause();
    speed_px_s = 0.7 * speed_px_s + 0.3 * (dy / Math.max(0.004, (now - moved_at) / 1000));
    moved_at = now;
    show(at_ms + dy * scale.peek(), false);
  };
  const pinch = (pointer: number, here: { x: number; y: number }): void => {
    const other = [...fingers].find(([id]) => id !== pointer)?.[1];
    const before = fingers.get(pointer);
    if (!other || !before) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(here.x - other.x, here.y - other.y);
    travelled = STILL_PX;
    scrubbed.value = null;
    if (was > 8 && is > 8) zoom(was / is);
  };
  const zoom = (factor: number): void => {
    scale.value = clamp(scale.peek() * factor, SHORTEST_MS_PER_PX, LONGEST_MS_PER_PX);
  };
  const up = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId) || fingers.size > 0) return;
    scrubbed.value = null;
    if (travelled < STILL_PX) {
      resume = false;
      tap(event);
    } else if (!dragged) resume = false; // it was only zoomed, and plays on
    else if (performance.now() - moved_at < 80 && Math.abs(speed_px_s) > 60) frame = requestAnimationFrame(runOut(performance.now()));
    else rest();
  };
  const tap = (event: PointerEvent): void => {
    if (event.type === "pointercancel" || (event.target as Element).closest("button")) return;
    const far = after(event);
    if (Math.abs(far) > STILL_PX) model.go(limit(model.group.at_ms.peek() + far * scale.peek()), { reveal: false });
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    if (event.ctrlKey) zoom(Math.exp(event.deltaY * 0.01));
    else model.go(limit(model.group.at_ms.peek() - event.deltaY * scale.peek()), { reveal: false });
  };

  node.addEventListener("pointerdown", down);
  node.addEventListener("pointermove", move);
  node.addEventListener("pointerup", up);
  node.addEventListener("pointercancel", up);
  node.addEventListener("wheel", wheel, { passive: false });
  return () => {
    cancelAnimationFrame(frame);
    node.removeEventListener("pointerdown", down);
    node.removeEventListener("pointermove", move);
    node.removeEventListener("pointerup", up);
    node.removeEventListener("pointercancel", up);
    node.removeEventListener("wheel", wheel);
  };
}
