import { useRef, useState } from "preact/hooks";
import { memo } from "../../ui/memo";
import { BoxesOver } from "../../player/figuresSwitch";
import { cameraNamed } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { mayDirect } from "../../ui/session";
import { clock, length, when } from "../../ui/times";
import { t } from "../../strings";
import { mutings } from "../../strings/mutings";
import { Icon } from "../../ui/Icon";
import { KindTag } from "../../ui/KindTag";
import { Lazy } from "../../ui/Lazy";

const strip = () => import("./Filmstrip").then(({ CardStrip }) => ({ default: CardStrip }));
const words = t.events.card;

export interface CardActs {
  open: (event: TawnyEvent) => void;
  keep: (event: TawnyEvent) => void;
  review: (event: TawnyEvent) => void;
  /** `range`: everything from the last one selected to this one. */
  select: (event: TawnyEvent, range: boolean) => void;
}

/** A card shows its event's picture, at no time that could be asked for. */
const none = () => null;

interface Props {
  event: TawnyEvent;
  current: boolean;
  selected: boolean;
  selecting: boolean;
  acts: CardActs;
}

export const Card = memo(function Card({ event, current, selected, selecting, acts }: Props) {
  const state = (event.reviewed ? "" : words.isNew) + (event.kept ? words.isKept : "") + (event.muted ? mutings.isMuted : "");
  const camera = cameraNamed(event.camera);
  const may = mayDirect();
  const picture = useRef<HTMLDivElement>(null);
  const [peek, setPeek] = useState<{ share: number | null } | null>(null);
  const point = ({ pointerType, clientX, currentTarget }: preact.TargetedPointerEvent<HTMLElement>) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    if (pointerType === "mouse") setPeek({ share: (clientX - left) / Math.max(1, width) });
  };
  return (
    <article
      onPointerEnter={point}
      onPointerMove={point}
      onPointerLeave={() => setPeek(null)}
      onFocusCapture={(focus) => (focus.target as Element).matches(".ec-open:focus-visible") && setPeek({ share: null })}
      onBlurCapture={() => setPeek(null)}
      class={`ec${current ? " current" : ""}${selected ? " selected" : ""}${event.reviewed ? " seen" : ""}`}
      data-event={event.id}
    >
      <button
        type="button"
        class="ec-open"
        aria-label={words.label(event.title, camera, when(event.start_ms), state)}
        aria-current={current ? "true" : undefined}
        onClick={(click) => {
          if (may && (click.shiftKey || selecting)) acts.select(event, click.shiftKey);
          else acts.open(event);
        }}
        {...(may && longPress(() => acts.select(event, false)))}
      />
      <div ref={picture} class="ec-pic">
        {event.snapshot && <img alt="" src={event.snapshot} loading="lazy" decoding="async" />}
        {peek ? <Lazy load={strip} props={{ event, share: peek.share }} waiting={() => null} /> : <BoxesOver camera={event.camera} frame={picture} shown={none} best={event} />}
        <KindTag event={event} />
        <span class="ec-long num">{event.end_ms === null ? words.going : length(event.end_ms - event.start_ms)}</span>
        {event.muted && (
          <span class="ec-muted" title={mutings.muted}>
            <Icon name="bell-off" small />
          </span>
        )}
        {!event.reviewed && <span class="ec-new" title={words.new} />}
        {may && (
          <button
            type="button"
            class={`ec-select${selecting ? " always" : ""}`}
            role="checkbox"
            aria-checked={selected}
            aria-label={words.select(event.title)}
            onClick={(click) => acts.select(event, click.shiftKey)}
          >
            <Icon name="check" small />
          </button>
        )}
      </div>
      <div class="ec-body">
        <div class="grow">
          <b>{event.title}</b>
          <span class="num ec-when">
            {event.title.endsWith(camera) ? "" : `${camera} · `}
            {clock(event.start_ms)}
          </span>
        </div>
        {may && (
          <span class="ec-acts">
            <button
              type="button"
              class={event.kept ? "on" : ""}
              aria-pressed={event.kept}
              aria-label={event.kept ? words.letGo : words.keep}
              title={event.kept ? words.letGo : words.keep}
              onClick={() => acts.keep(event)}
            >
              <Icon name={event.kept ? "lock" : "lock-open"} small />
            </button>
            <button
              type="button"
              class={event.reviewed ? "on" : ""}
              aria-pressed={event.reviewed}
              aria-label={event.reviewed ? words.unreview : words.review}
              title={event.reviewed ? words.unreview : words.review}
              onClick={() => acts.review(event)}
            >
              <Icon name="check" small />
            </button>
          </span>
        )}
      </div>
    </article>
  );
});

const HOLD_MS = 500;
let hold: ReturnType<typeof setTimeout> | undefined;
let held = false;

function letGo(): void {
  clearTimeout(hold);
}

/** Holding a finger on a card selects it, as on every phone. The click that follows is swallowed. */
function longPress(action: () => void) {
  return {
    onPointerDown: (event: PointerEvent) => {
      held = false;
      if (event.pointerType === "mouse") return;
      hold = setTimeout(() => {
        held = true;
        action();
      }, HOLD_MS);
    },
    onPointerMove: letGo,
    onPointerCancel: letGo,
    onPointerUp: letGo,
    onClickCapture: (event: MouseEvent) => {
      if (!held) return;
      held = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    onContextMenu: (event: MouseEvent) => {
      if (held) event.preventDefault();
    },
  };
}
