/** A finger that swipes a picture sideways: the next camera, whose name shows meanwhile. */
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { buzz } from "../ui/haptics";
import { Icon } from "../ui/Icon";
import "./zoom.css";

const FAR_PX = 60;
const FIRST_PX = 10;

/** Who stands to the left and to the right; null: there is no other camera. */
export interface Neighbours {
  previous: string;
  next: string;
}

export interface Swipe {
  /** How far the finger has moved, as long as it swipes; 0 otherwise. */
  by_px: Signal<number>;
}

/** isZoomed: then the finger moves the picture. onStep: -1 to the previous camera, 1 to the next. */
export function useSwipe(frame: RefObject<HTMLElement | null>, isZoomed: boolean, onStep: ((by: -1 | 1) => void) | null): Swipe {
  const by_px = useSignal(0);
  const now = useRef({ isZoomed, onStep });
  now.current = { isZoomed, onStep };
  useEffect(() => {
    const node = frame.current;
    if (!node) return undefined;
    const fingers = new Set<number>();
    let from: { x: number; y: number } | null = null;
    const shift = (by: number) => {
      by_px.value = by;
      node.style.setProperty("--swipe", `${by / 2}px`);
      node.toggleAttribute("data-swiped", by !== 0);
    };
    const stop = () => {
      from = null;
      if (by_px.peek() !== 0) shift(0);
    };
    const down = (event: PointerEvent) => {
      if (event.pointerType !== "touch") return;
      fingers.add(event.pointerId);
      const canSwipe = now.current.onStep && !now.current.isZoomed && fingers.size === 1;
      if (canSwipe && !(event.target as Element).closest("button, a, input, dialog, [popover]")) from = { x: event.clientX, y: event.clientY };
      else stop();
    };
    const move = (event: PointerEvent) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (by_px.peek() === 0 && (Math.abs(dx) < FIRST_PX || Math.abs(dx) < 2 * Math.abs(dy))) return;
      if (Math.abs(dx) >= FAR_PX && Math.abs(by_px.peek()) < FAR_PX) buzz();
      shift(dx);
    };
    const up = (event: PointerEvent) => {
      fingers.delete(event.pointerId);
      const by = by_px.peek();
      stop();
      if (event.type === "pointerup" && Math.abs(by) >= FAR_PX) now.current.onStep?.(by < 0 ? 1 : -1);
    };
    node.addEventListener("pointerdown", down);
    node.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"] as const) node.addEventListener(end, up);
    return () => {
      node.removeEventListener("pointerdown", down);
      node.removeEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"] as const) node.removeEventListener(end, up);
    };
  }, [frame.current]);
  return { by_px };
}

/** Where the finger leads: the camera's name at the edge that it comes from. */
export function SwipeName({ swipe, who }: { swipe: Swipe; who: Neighbours | null }) {
  const by = swipe.by_px.value;
  if (by === 0 || !who) return null;
  return (
    <span class={`swipe-name ${by < 0 ? "next" : "previous"}${Math.abs(by) >= FAR_PX ? " far" : ""}`} aria-hidden="true">
      {by > 0 && <Icon name="chevron-left" small />}
      {by < 0 ? who.next : who.previous}
      {by < 0 && <Icon name="chevron-right" small />}
    </span>
  );
}

/** Of those in a row, which goes round. */
export function neighboursOf<T>(all: readonly T[], at: number): { previous: T; next: T } | null {
  const [previous, next] = [all.at((at - 1) % all.length), all[(at + 1) % all.length]];
  return all.length > 1 && at >= 0 && previous !== undefined && next !== undefined ? { previous, next } : null;
}
