import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "../../ui/drop.css";

const GAP_PX = 6;

/** A small panel under what opened it, on a phone at the bottom. Esc or a press elsewhere closes it; focus goes back. */
export function Panel(props: { title: string; anchor: HTMLElement; onClose: () => void; children: ComponentChildren }) {
  const { title, anchor, onClose } = props;
  const panel = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const node = panel.current;
    node?.showPopover?.();
    node?.querySelector<HTMLElement>("button, input")?.focus({ preventScroll: true });
    return () => {
      if (node?.contains(document.activeElement) || document.activeElement === document.body) anchor.focus({ preventScroll: true });
    };
  }, [anchor]);
  useEffect(() => {
    const place = () => {
      const node = panel.current;
      if (!node || matchMedia("(max-width: 47.5em)").matches) return;
      const { left, right, bottom, top } = anchor.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = node;
      const isBelow = bottom + GAP_PX + offsetHeight <= innerHeight;
      const isAbove = !isBelow && top - GAP_PX - offsetHeight >= 8;
      const aside = right + GAP_PX + offsetWidth <= innerWidth ? right + GAP_PX : left - GAP_PX - offsetWidth;
      const x = isBelow || isAbove ? left : aside;
      const y = isBelow ? bottom + GAP_PX : isAbove ? top - GAP_PX - offsetHeight : innerHeight - offsetHeight - 8;
      node.style.left = `${Math.max(8, Math.min(x, innerWidth - offsetWidth - 8))}px`;
      node.style.top = `${Math.max(8, y)}px`;
    };
    place();
    const grown = new ResizeObserver(place);
    if (panel.current) grown.observe(panel.current);
    addEventListener("scroll", place, true);
    addEventListener("resize", place);
    return () => {
      grown.disconnect();
      removeEventListener("scroll", place, true);
      removeEventListener("resize", place);
    };
  });
  return (
    <div
      ref={panel}
      class="drop modes-panel"
      popover="auto"
      role="dialog"
      aria-label={title}
      onToggle={(event) => event.newState === "closed" && close.current()}
    >
      <h3>{title}</h3>
      {props.children}
    </div>
  );
}
