/** What a finger does on a card: held, it selects; swiped to the right or left, it acts. A mouse does neither. */
export interface Touched {
  held: boolean;
  timer?: ReturnType<typeof setTimeout> | undefined;
  from?: { x: number; y: number } | undefined;
}

interface Does {
  hold: (() => void) | null;
  /** How far the card follows the finger, px. */
  slide: (by: number) => void;
  right: (() => void) | null;
  left: (() => void) | null;
}

const HOLD_MS = 500;
const MOVES_PX = 12;
const SWIPE_PX = 90;

export function touches(touched: Touched, does: Does) {
  const end = () => {
    clearTimeout(touched.timer);
    touched.from = undefined;
    does.slide(0);
  };
  const by = (event: PointerEvent): number => {
    if (!touched.from) return 0;
    const [x, y] = [event.clientX - touched.from.x, event.clientY - touched.from.y];
    if (Math.abs(x) < MOVES_PX || Math.abs(y) > Math.abs(x)) return 0;
    return (x > 0 ? does.right : does.left) ? x : 0;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      touched.held = false;
      if (event.pointerType === "mouse") return;
      touched.from = { x: event.clientX, y: event.clientY };
      if (does.hold) {
        touched.timer = setTimeout(() => {
          touched.held = true;
          touched.from = undefined;
          does.hold?.();
        }, HOLD_MS);
      }
    },
    onPointerMoveCapture: (event: PointerEvent) => {
      const moved = by(event);
      if (moved) clearTimeout(touched.timer);
      if (touched.from) does.slide(moved);
    },
    onPointerCancel: end,
    onPointerUp: (event: PointerEvent) => {
      const moved = by(event);
      end();
      if (Math.abs(moved) < SWIPE_PX) return;
      touched.held = true; // the click that follows is swallowed
      (moved > 0 ? does.right : does.left)?.();
    },
    onClickCapture: (event: MouseEvent) => {
      if (!touched.held) return;
      touched.held = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    onContextMenu: (event: MouseEvent) => {
      if (touched.held) event.preventDefault();
    },
  };
}
