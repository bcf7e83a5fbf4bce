/** The mode that is on, at the top of every page; opens what can be chosen. */
import { useRef, useState } from "preact/hooks";
import { modes } from "../api/modes";
import { t } from "../strings";
import { Icon } from "./Icon";
import { useKeys } from "./keys";
import { modeIcon, modeName } from "./modeNames";
import "./drop.css";
import { Lazy } from "./Lazy";

const panel = () => import("./ModePanel");

export function ModePill() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const drop = useRef<HTMLDivElement>(null);
  const now = modes.value;
  useKeys({ m: () => button.current?.click() });
  if (!now) return null;
  const placeIt = () => {
    const chip = button.current?.getBoundingClientRect();
    if (!chip || !drop.current) return;
    drop.current.style.top = `${chip.bottom + 6}px`;
    drop.current.style.left = `${Math.max(8, Math.min(chip.left, innerWidth - 348))}px`;
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="chip mode-pill"
        popovertarget="mode-panel"
        aria-haspopup="dialog"
        aria-label={t.mode.label(modeName(now.mode))}
        onClick={placeIt}
      >
        <Icon name={modeIcon(now.mode)} small />
        <span class="mode-pill-name" translate={false}>{modeName(now.mode)}</span>
      </button>
      <div
        ref={drop}
        id="mode-panel"
        class="drop mode-panel"
        popover="auto"
        role="dialog"
        aria-label={t.mode.title}
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        {open && (
          <Lazy load={panel} props={{ now, close: () => drop.current?.hidePopover?.() }} />
        )}
      </div>
    </>
  );
}
