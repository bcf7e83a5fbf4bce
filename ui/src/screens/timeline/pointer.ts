/** Mouse, pen and fingers over the lanes: going, scrubbing, panning, zooming. */
import { serverNow } from "../../api/state";
import { crosses } from "../../timeline/data";
import type { Target } from "../../timeline/draw";
import { type View, notAhead, panBy, placing, spanOf, timeAt, zoomAt } from "../../timeline/view";
import { buzz } from "../../ui/haptics";
import type { TimelineModel } from "./model";

export interface Listening {
  at: (x: number, y: number) => Target | null;
  hover: (x: number, y: number, target: Target | null) => void;
}

interface Press {
  x: number;
  y: number;
  target: Target | null;
  isTouch: boolean;
  doing: "nothing" | "panning" | "scrubbing";
}

const STILL_PX = 4;
const SCRUB_EVERY_MS = 90;

export function listenToPointer(node: HTMLElement, model: TimelineModel, { at, hover }: Listening): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  let press: Press | null = null;
  let scrubbed = 0;

  const place = (event: MouseEvent): { x: number; y: number } => {
    const box = node.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const scrub = (x: number, last: boolean): void => {
    const now = performance.now();
    const to_ms = timeAt(model.view.peek(), x);
    if (press?.isTouch && model.shownLanes.peek().some((lane) => crosses(lane, model.group.at_ms.peek(), to_ms))) buzz();
    if (!last && now - scrubbed < SCRUB_EVERY_MS) return;
    scrubbed = now;
    model.go(Math.min(serverNow() - 1000, to_ms), { reveal: false });
  };

  const down = (event: PointerEvent): void => {
    if (event.button !== 0 || (event.target as Element).closest("[data-own-pointer]")) return;
    const here = place(event);
    fingers.set(event.pointerId, here);
    node.setPointerCapture(event.pointerId);
    const target = at(here.x, here.y);
    press = fingers.size > 1 ? null : { ...here, target, isTouch: event.pointerType === "touch", doing: event.shiftKey || target?.is === "ruler" ? "panning" : "nothing" };
  };
  const move = (event: PointerEvent): void => {
    const here = place(event);
    const before = fingers.get(event.pointerId);
    if (before && fingers.size === 2) pinch(model, fingers, event.pointerId, here);
    else if (press && before) drag(here, before);
    else if (event.pointerType !== "touch") hover(here.x, here.y, at(here.x, here.y));
    if (before) fingers.set(event.pointerId, here);
  };
  const drag = (here: { x: number; y: number }, before: { x: number; y: number }): void => {
    if (!press) return;
    const far = Math.hypot(here.x - press.x, here.y - press.y) > STILL_PX;
    if (press.doing === "nothing" && far) press.doing = "scrubbing";
    if (press.doing === "panning") model.view.value = panBy(model.view.peek(), here.x - before.x, serverNow());
    if (press.doing === "scrubbing") scrub(here.x, false);
    // Under a finger the picture shows on the lane where it began.
    const over = press.isTouch && press.doing === "scrubbing" ? at(here.x, press.y) : null;
    hover(here.x, press.y, over);
  };
  const up = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    const done = press;
    press = null;
    if (done?.isTouch) hover(0, 0, null);
    if (!done || event.type === "pointercancel") return;
    const here = place(event);
    if (Math.hypot(here.x - done.x, here.y - done.y) <= STILL_PX) goTo(model, done.target, here.x);
    else if (done.doing === "scrubbing") scrub(here.x, true);
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    const { x } = place(event);
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey)
      model.view.value = panBy(model.view.peek(), -sideways * unit, serverNow());
    else model.view.value = zoomAt(model.view.peek(), x, Math.exp(event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0022)), serverNow());
    hover(0, 0, null);
  };
  const leave = (): void => hover(0, 0, null);

  node.addEventListener("pointerdown", down);
  node.addEventListener("pointermove", move);
  node.addEventListener("pointerup", up);
  node.addEventListener("pointercancel", up);
  node.addEventListener("pointerleave", leave);
  node.addEventListener("wheel", wheel, { passive: false });
  return () => {
    node.removeEventListener("pointerdown", down);
    node.removeEventListener("pointermove", move);
    node.removeEventListener("pointerup", up);
    node.removeEventListener("pointercancel", up);
    node.removeEventListener("pointerleave", leave);
    node.removeEventListener("wheel", wheel);
  };
}

/** A pin goes to its event, and a group of pins comes apart; a gap and a lane go to the instant. */
function goTo(model: TimelineModel, target: Target | null, x: number): void {
  const view = model.view.peek();
  if (target?.is === "ruler" || target === null) return;
  if (target.is === "pin") {
    const [first, ...others] = target.events;
    if (!first) return;
    model.go(first.start_ms);
    if (others.length > 0) model.view.value = apart(view, first.start_ms, others.at(-1)?.start_ms ?? first.start_ms);
    return;
  }
  model.go(Math.min(serverNow() - 1000, timeAt(view, x)), { reveal: false });
}

function apart(view: View, begin_ms: number, end_ms: number): View {
  const span = Math.min(spanOf(view), Math.max(120_000, (end_ms - begin_ms) * 3));
  return notAhead(placing(view, (begin_ms + end_ms) / 2, 0.5, span), view, serverNow());
}

/** Two fingers: what was under each stays under it. */
function pinch(model: TimelineModel, fingers: Map<number, { x: number }>, moved: number, here: { x: number }): void {
  const still = [...fingers].find(([id]) => id !== moved)?.[1];
  const before = fingers.get(moved);
  if (!still || !before) return;
  const [was, is] = [Math.abs(before.x - still.x), Math.abs(here.x - still.x)];
  if (was < 8 || is < 8) return;
  model.view.value = zoomAt(model.view.peek(), still.x, was / is, serverNow());
}
