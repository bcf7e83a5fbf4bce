import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { serverNow } from "../../api/state";
import { Lazy } from "../../ui/Lazy";
import { timeline } from "../../strings/timeline";
import { dayName } from "../../timeline/format";
import { date } from "../../ui/times";
import { Icon } from "../../ui/Icon";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";

const words = timeline.days;
const MINUTE_MS = 60_000;
const loadMonth = () => import("./Month");

/** When today began; looked at every minute, since a page may stay open over midnight. */
function useToday(): number {
  const [, setCount] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setCount((n) => n + 1), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return recorderZone.value.day(serverNow()).begin_ms;
}

export function DayStepper({ model }: { model: TimelineModel }) {
  const isToday = model.day.value.begin_ms === useToday();
  return (
    <div class="days">
      <button
        type="button"
        class="btn ghost sq"
        aria-label={timeline.transport.previousDay}
        title={timeline.transport.previousDay}
        onClick={() => model.shiftDay(-1)}
      >
        <Icon name="chevron-left" />
      </button>
      <DayButton model={model} />
      <button
        type="button"
        class="btn ghost sq"
        aria-label={timeline.transport.nextDay}
        title={timeline.transport.nextDay}
        disabled={isToday}
        onClick={() => model.shiftDay(1)}
      >
        <Icon name="chevron-right" />
      </button>
    </div>
  );
}

/** The day shown; pressing it opens a month. */
export function DayButton({ model, short }: { model: TimelineModel; short?: boolean }) {
  const zone = recorderZone.value;
  const popover = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const open = useSignal(false);
  const { begin_ms } = model.day.value;
  const today = useToday();
  const ago = begin_ms === today ? "today" : begin_ms === zone.day(today - 1).begin_ms ? "yesterday" : null;
  const shown = ago && !short ? words[ago](dayName(zone, begin_ms, "bare")) : date(begin_ms);

  return (
    <>
      <button
        ref={button}
        type="button"
        class={short ? "chip" : "btn day"}
        aria-haspopup="dialog"
        aria-expanded={open.value}
        aria-label={`${shown}. ${words.button}`}
        onClick={() => popover.current?.togglePopover()}
      >
        <Icon name="calendar-days" small />
        <span>{shown}</span>
      </button>
      <div
        ref={popover}
        popover="auto"
        class="daypop"
        role="dialog"
        aria-label={words.button}
        onToggle={(event) => {
          open.value = (event as unknown as ToggleEvent).newState === "open";
          if (open.value) placeUnder(button.current, popover.current);
        }}
      >
        {open.value && (
          <Lazy load={loadMonth} props={{ model, onDone: () => popover.current?.hidePopover() }} />
        )}
      </div>
    </>
  );
}

function placeUnder(button: HTMLElement | null, popover: HTMLElement | null): void {
  if (!button || !popover) return;
  const at = button.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  popover.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, at.left))}px`;
  const below = at.bottom + 8 + height < innerHeight;
  popover.style.top = `${Math.max(8, below ? at.bottom + 8 : at.top - height - 8)}px`;
}
