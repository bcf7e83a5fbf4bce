/** Turns the view into a fisheye: by dragging, with two fingers, the wheel and keys. The picture's frame listens. */
import { type Lens, type Spot, aheadOf } from "./lens";
import { type Turning, turnings } from "./straightened";

const STEP_DEG = 5;
const CLOSER = 1.25;
const WHEEL = 0.0016;
const [CLOSEST, WIDEST] = [20, 130];
const [TAPS_WITHIN_MS, TAPS_APART_PX] = [300, 30];
const DRAG_PX = 6;
/** Of the speed at which a finger left the picture, what is left after each millisecond. */
const GLIDES = 0.995;
const LEAST_PX_A_MS = 0.02;
const NEWEST_MS = 80;

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** right, down: degrees by which the view turns. A ceiling camera looks straight down at 0, to the horizon at 90. */
export function turnedBy(lens: Lens, right: number, down: number): Lens {
  const isWall = lens.mount === "wall";
  const tilt = within(lens.tilt + (isWall ? down : -down), isWall ? -90 : 0, 90);
  // Near its pole a small step to the side is a large turn.
  const wide = Math.max(0.25, isWall ? Math.cos((tilt * Math.PI) / 180) : Math.sin((tilt * Math.PI) / 180));
  const pan = ((((lens.pan + right / wide + 180) % 360) + 360) % 360) - 180;
  return { ...lens, tilt, pan };
}

export function closer(lens: Lens, factor: number): Lens {
  return { ...lens, view: within(lens.view / factor, CLOSEST, WIDEST) };
}

/** The view with this spot of the image in its middle. */
export function lookingAt(lens: Lens, image: number, spot: Spot): Lens {
  const [x, y, z] = aheadOf(lens, image, spot);
  const deg = 180 / Math.PI;
  return lens.mount === "wall" ? { ...lens, pan: Math.atan2(x, z) * deg, tilt: Math.asin(y) * deg } : { ...lens, pan: Math.atan2(x, -y) * deg, tilt: Math.acos(z) * deg };
}

interface Look {
  /** As it is shown now. */
  lens: () => Lens;
  set: (lens: Lens | null) => void;
  /** A double tap where the view is the camera's own; share: of the width. True: it meant something. */
  sides?: ((share: number) => boolean) | undefined;
}

/** Returns what ends it, and what keys do. */
export function lookAround(frame: HTMLElement, { lens, set, sides }: Look): { end: () => void; onKey: (event: KeyboardEvent) => void } {
  const fingers = new Map<number, { x: number; y: number }>();
  let from: { x: number; y: number } | null = null;
  let dragged = false;
  let isTurned = false;
  let tapped = { at_ms: -TAPS_WITHIN_MS, x: 0, y: 0 };
  let trail: { x: number; y: number; at_ms: number }[] = [];
  let glide = 0;
  const change = (now: Lens) => {
    isTurned = true;
    set(now);
  };
  const reset = () => {
    cancelAnimationFrame(glide);
    isTurned = false;
    set(null);
  };
  /** What was under the pointer stays under it. */
  const drag = (dx: number, dy: number) => {
    const now = lens();
    const degrees = now.view / Math.max(1, frame.clientWidth);
    change(turnedBy(now, -dx * degrees, -dy * degrees));
  };
  const zoom = (factor: number) => change(closer(lens(), factor));
  const isOurs = (event: Event) => !(event.target as Element).closest("button, a, input, dialog, [popover]");

  const down = (event: PointerEvent) => {
    if (event.button !== 0 || !isOurs(event)) return;
    event.stopImmediatePropagation(); // to enlarge and to swipe mean something else
    cancelAnimationFrame(glide);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    from = fingers.size === 1 ? { x: event.clientX, y: event.clientY } : null;
    dragged = fingers.size > 1;
    trail = [];
  };
  const move = (event: PointerEvent) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    if (event.pointerType === "mouse" && event.buttons === 0) return void fingers.delete(event.pointerId); // released outside
    event.stopImmediatePropagation();
    const now = { x: event.clientX, y: event.clientY };
    const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (other) zoom(apart(now, other) / Math.max(1, apart(before, other)));
    else if (dragged || (from && apart(from, now) > DRAG_PX)) {
      if (!dragged) frame.setPointerCapture(event.pointerId);
      dragged = true;
      drag(now.x - before.x, now.y - before.y);
      trail = [...trail, { ...now, at_ms: event.timeStamp }].filter((one) => event.timeStamp - one.at_ms < NEWEST_MS);
    } else return; // a tap may tremble
    fingers.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return;
    event.stopImmediatePropagation();
    if (dragged) return event.type === "pointerup" && fingers.size === 0 ? goOn(event.timeStamp) : undefined;
    const at = { x: event.clientX, y: event.clientY };
    const isSecond = event.timeStamp - tapped.at_ms < TAPS_WITHIN_MS && apart(tapped, at) < TAPS_APART_PX;
    tapped = { at_ms: isSecond ? -TAPS_WITHIN_MS : event.timeStamp, ...at };
    if (!isSecond || event.type !== "pointerup") return;
    if (isTurned) reset();
    else if (event.pointerType === "touch") sides?.((event.clientX - frame.getBoundingClientRect().x) / frame.clientWidth);
  };
  /** A view that was thrown slows down; not for people who want no motion. */
  const goOn = (at_ms: number) => {
    const [first, last] = [trail[0], trail.at(-1)];
    if (matchMedia("(prefers-reduced-motion: reduce)").matches || !first || !last || last.at_ms <= first.at_ms || at_ms - last.at_ms > NEWEST_MS) return;
    let [vx, vy] = [(last.x - first.x) / (last.at_ms - first.at_ms), (last.y - first.y) / (last.at_ms - first.at_ms)];
    let before_ms = performance.now();
    glide = requestAnimationFrame(function slide(now_ms) {
      const by_ms = Math.max(0, now_ms - before_ms);
      before_ms = now_ms;
      drag(vx * by_ms, vy * by_ms);
      [vx, vy] = [vx * GLIDES ** by_ms, vy * GLIDES ** by_ms];
      if (Math.hypot(vx, vy) > LEAST_PX_A_MS) glide = requestAnimationFrame(slide);
    });
  };
  const click = (event: MouseEvent) => {
    if (dragged && isOurs(event)) event.stopImmediatePropagation(); // it was a drag
  };
  const double = (event: MouseEvent) => {
    if (isOurs(event)) event.stopImmediatePropagation(); // seen already, as two taps
  };
  const wheel = (event: WheelEvent) => {
    const factor = Math.exp(-event.deltaY * WHEEL);
    const { view } = lens();
    if (closer(lens(), factor).view === view) return; // the page scrolls on
    event.preventDefault();
    event.stopImmediatePropagation();
    zoom(factor);
  };
  const onKey = (event: KeyboardEvent) => {
    const way = KEYS[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (way === "whole") reset();
    else if (typeof way === "number") zoom(way);
    else change(turnedBy(lens(), way[0], way[1]));
  };
  const all = [["pointerdown", down], ["pointermove", move], ["pointerup", up], ["pointercancel", up], ["click", click], ["dblclick", double], ["wheel", wheel]] as const;
  for (const [name, listen] of all) frame.addEventListener(name, listen as EventListener, { capture: true, passive: false });
  frame.toggleAttribute("data-turns", true);
  const turning: Turning = { zoom, reset };
  turnings.set(frame, turning);
  return {
    onKey,
    end: () => {
      cancelAnimationFrame(glide);
      for (const [name, listen] of all) frame.removeEventListener(name, listen as EventListener, { capture: true });
      frame.toggleAttribute("data-turns", false);
      turnings.delete(frame);
    },
  };
}

const KEYS: Record<string, readonly [right: number, down: number] | number | "whole"> = {
  ArrowLeft: [-STEP_DEG, 0],
  ArrowRight: [STEP_DEG, 0],
  ArrowUp: [0, -STEP_DEG],
  ArrowDown: [0, STEP_DEG],
  "+": CLOSER,
  "=": CLOSER,
  "-": 1 / CLOSER,
  "0": "whole",
  Home: "whole",
};

function apart(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
