/** Wheel, pinch, keys, double taps and dragging on a picture's frame: it is enlarged, moved, and whole again. */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { turnings } from "../live/straightened";
import { t } from "../strings";
import { WHOLE, type Zoom, moved, mostOf, zoomed } from "./zoom";
import "./zoom.css";

const STEP = 1.5;
const WHEEL = 0.0016;
const TAPPED = 2.5;
const TAPS_WITHIN_MS = 300;
const TAPS_APART_PX = 30;
const TAP_PX = 10;

type Point = { x: number; y: number };

/**
 * Listens on the frame, of which the picture is a child: `in` and `out` are for keys. sides: told where a double tap was,
 * 0 at the left edge and 1 at the right; true: it meant something else there. scrolls: the wheel moves the page unless Ctrl
 * is held.
 */
export function useZoom(frame: RefObject<HTMLElement | null>, sides?: (share: number) => boolean, scrolls = false): { scale: number; in: () => void; out: () => void; reset: () => void } {
  const zoom = useSignal<Zoom>(WHOLE);
  const newest = useRef(sides);
  newest.current = sides;
  const set = (next: Zoom) => {
    zoom.value = next;
    show(frame.current, next);
  };
  const by = (factor: number, at?: Point) => {
    const node = frame.current;
    if (!node) return;
    const box = node.getBoundingClientRect();
    set(zoomed(zoom.peek(), factor, at ?? { x: box.width / 2, y: box.height / 2 }, box, mostOf(box, pictureIn(node))));
  };
  useEffect(() => {
    const node = frame.current;
    if (!node) return undefined;
    const fingers = new Map<number, Point>();
    let pressed: Point | null = null;
    let touched_ms = -TAPS_WITHIN_MS;
    let tapped = { at_ms: -TAPS_WITHIN_MS, x: 0, y: 0 };
    const place = (event: MouseEvent): Point => {
      const box = node.getBoundingClientRect();
      return { x: event.clientX - box.x, y: event.clientY - box.y };
    };
    const onWheel = (event: WheelEvent) => {
      if (zoom.peek().scale === 1 && (event.deltaY > 0 || (scrolls && !event.ctrlKey))) return; // the page scrolls on
      event.preventDefault();
      by(Math.exp(-event.deltaY * WHEEL), place(event));
    };
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0 || (event.target as Element).closest("button, a")) return;
      fingers.set(event.pointerId, place(event));
      pressed = fingers.size === 1 ? place(event) : null;
    };
    // Two fingers are ours: the page neither scrolls nor grows.
    const onTouch = (event: TouchEvent) => event.touches.length > 1 && event.cancelable && event.preventDefault();
    const onMove = (event: PointerEvent) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = place(event);
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      fingers.set(event.pointerId, now);
      if (other) by(apart(now, other) / Math.max(1, apart(before, other)), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
      else if (zoom.peek().scale > 1) {
        node.setPointerCapture(event.pointerId);
        set(moved(zoom.peek(), now.x - before.x, now.y - before.y, node.getBoundingClientRect()));
      }
    };
    const onUp = (event: PointerEvent) => {
      if (!fingers.delete(event.pointerId) || event.pointerType !== "touch") return;
      touched_ms = performance.now();
      const at = place(event);
      if (event.type === "pointercancel" || !pressed || apart(pressed, at) > TAP_PX) return;
      const isSecond = event.timeStamp - tapped.at_ms < TAPS_WITHIN_MS && apart(tapped, at) < TAPS_APART_PX;
      tapped = { at_ms: isSecond ? -TAPS_WITHIN_MS : event.timeStamp, ...at };
      if (!isSecond || newest.current?.(at.x / node.clientWidth)) return;
      if (zoom.peek().scale > 1) set(WHOLE);
      else by(TAPPED, at);
    };
    const onDouble = (event: MouseEvent) => {
      if (performance.now() - touched_ms < TAPS_WITHIN_MS) return event.stopImmediatePropagation(); // a double tap, seen already
      if (zoom.peek().scale === 1) return;
      event.stopImmediatePropagation();
      set(WHOLE);
    };
    const resized = new ResizeObserver(() => zoom.peek().scale > 1 && set(WHOLE));
    resized.observe(node);
    node.addEventListener("wheel", onWheel, { passive: false });
    node.addEventListener("touchstart", onTouch, { passive: false });
    node.addEventListener("pointerdown", onDown);
    node.addEventListener("pointermove", onMove);
    for (const end of ["pointerup", "pointercancel"] as const) node.addEventListener(end, onUp);
    node.addEventListener("dblclick", onDouble, { capture: true });
    return () => {
      resized.disconnect();
      node.removeEventListener("wheel", onWheel);
      node.removeEventListener("touchstart", onTouch);
      node.removeEventListener("pointerdown", onDown);
      node.removeEventListener("pointermove", onMove);
      for (const end of ["pointerup", "pointercancel"] as const) node.removeEventListener(end, onUp);
      node.removeEventListener("dblclick", onDouble, { capture: true });
    };
  }, [frame.current]);
  const turning = () => frame.current && turnings.get(frame.current);
  const step = (factor: number) => () => {
    const view = turning();
    if (view) view.zoom(factor);
    else by(factor);
  };
  const reset = () => {
    turning()?.reset();
    set(WHOLE);
  };
  return { scale: zoom.value.scale, in: step(STEP), out: step(1 / STEP), reset };
}

/** How much the picture is enlarged; pressed, it is whole again. */
export function ZoomChip({ zoom }: { zoom: { scale: number; reset: () => void } }) {
  if (zoom.scale === 1) return null;
  return (
    <button type="button" class="zoom-chip num" title={t.live.wholePicture} aria-label={t.live.enlarged(zoom.scale.toFixed(1))} onClick={zoom.reset}>
      {zoom.scale.toFixed(1)}×
    </button>
  );
}

function apart(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function show(node: HTMLElement | null, { scale, x, y }: Zoom): void {
  if (!node) return;
  node.toggleAttribute("data-zoomed", scale > 1);
  node.style.setProperty("--zoom", String(scale));
  node.style.setProperty("--zoom-x", `${x}px`);
  node.style.setProperty("--zoom-y", `${y}px`);
}

/** How many pixels the camera sent. */
function pictureIn(node: HTMLElement): { width: number; height: number } {
  for (const child of node.children) {
    if (child instanceof HTMLVideoElement && child.videoWidth > 0) return { width: child.videoWidth, height: child.videoHeight };
    if (child instanceof HTMLImageElement && child.naturalWidth > 0) return { width: child.naturalWidth, height: child.naturalHeight };
    if (child instanceof HTMLCanvasElement && child.classList.contains("live-picture")) return child;
  }
  return { width: 0, height: 0 };
}
