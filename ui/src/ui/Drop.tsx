import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "./Icon";
import "./drop.css";

/** A chip that opens a small panel under itself: the browser's own popover, placed by hand. */
export function Drop(props: {
  id: string;
  label: string;
  on?: boolean;
  children: (close: () => void) => ComponentChildren;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const placeIt = () => {
    const chip = button.current?.getBoundingClientRect();
    const drop = panel.current;
    if (!chip || !drop) return;
    drop.style.top = `${chip.bottom + 6}px`;
    drop.style.left = `${Math.max(8, Math.min(chip.left, innerWidth - 340))}px`;
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={`chip${props.on ? " on" : ""}`}
        popovertarget={props.id}
        aria-haspopup="dialog"
        onClick={placeIt}
      >
        {props.label}
        <Icon name="chevron-down" small />
      </button>
      <div ref={panel} id={props.id} class="drop" popover="auto" role="dialog" aria-label={props.label}>
        {props.children(() => panel.current?.hidePopover?.())}
      </div>
    </>
  );
}
