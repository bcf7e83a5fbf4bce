import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { serverNow } from "../../api/state";
import { length } from "../../ui/times";
import { t } from "../../strings";
import { NO_MOTION, type Gap, type Happening, type Lane } from "../../timeline/data";
import { iconOfGap } from "../../timeline/draw";
import { kindWord } from "../../timeline/entries";
import { clockBare, clockMinute, clockSecond } from "../../timeline/format";
import { PLAYHEAD_PX, type Placed, type Tape as Drawn, type TapeView, shownSpan, tapeLayout } from "../../timeline/tape";
import { spanOf } from "../../timeline/view";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { measure, usePainted } from "./canvas";
import { whatAt } from "./Lanes";
import type { TimelineModel } from "./model";
import { listenToFingers } from "./fingers";
import { recorderZone } from "./wallclock";
import "./tape.css";

const SHOWN_PX = 380;
const FIRST_MS_PER_PX = (95 * 60_000) / SHOWN_PX;
const EMPTY: Lane = { id: "", name: "", spans: [], gaps: [], damage: [], events: [], motion: NO_MOTION };

/** Phone: time as a vertical tape under a playhead that stands still. */
export function Tape({ model }: { model: TimelineModel }) {
  const scale = useSignal(firstScale(model));
  const rough = useSignal(model.group.at_ms.peek());
  const painted = usePainted<Drawn>((size) => {
    const tape: TapeView = { ...size, playhead_ms: rough.value, ms_per_px: scale.value };
    const data = model.store.data.value;
    const half = Math.max(1000, tape.ms_per_px / 2);
    return tapeLayout(tape, model.shownLanes.value[0] ?? EMPTY, Math.ceil(data.now_ms / half) * half, recorderZone.value, measure);
  });

  useEffect(() => {
    const first = scale.peek();
    const stops = [
      effect(() => {
        const fitting_ms = model.fitting.value;
        if (fitting_ms !== null && scale.peek() === first) scale.value = Math.min(first, fitting_ms / SHOWN_PX);
      }),
      // The tape moves by whole thirds of a pixel: smooth to the eye, and still when nothing moves.
      effect(() => {
        const step = scale.value / 3;
        rough.value = Math.round(model.group.at_ms.value / step) * step;
      }),
      effect(() => {
        const { width, height } = painted.size.value;
        if (height === 0) return;
        const [begin_ms, end_ms] = shownSpan({ playhead_ms: rough.value, ms_per_px: scale.value, width, height });
        const view = model.view.peek();
        if (Math.abs(view.begin_ms - begin_ms) > scale.value || Math.abs(spanOf(view) - (end_ms - begin_ms)) > 1)
          model.view.value = { begin_ms, end_ms, width: height };
      }),
      effect(() => {
        const node = painted.canvas.current;
        if (!node) return;
        node.dataset["playhead"] = String(Math.round(model.group.at_ms.value));
        const view = model.view.value;
        node.dataset["t0"] = String(Math.round(view.begin_ms));
        node.dataset["t1"] = String(Math.round(view.end_ms));
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [model]);
  useEffect(() => (painted.host.current ? listenToFingers(painted.host.current, model, scale) : undefined), [model]);

  const drawn = painted.list.value;
  const zone = recorderZone.value;
  const at_ms = model.second.value;
  const { begin_ms, end_ms } = model.view.value;
  return (
    <div ref={painted.host} class="tape">
      <canvas ref={painted.canvas} role="img" aria-label={t.timeline.canvas(clockMinute(zone, begin_ms), clockMinute(zone, end_ms))} />
      {drawn?.gaps.map((gap) => <GapSentence key={gap.value.begin_ms} gap={gap} />)}
      {drawn?.cards.map((card) => <Card key={card.value.id} model={model} card={card} />)}
      <div
        class="tape-playhead"
        style={{ top: `${PLAYHEAD_PX}px` }}
        role="slider"
        tabIndex={0}
        aria-label={`${t.timeline.playhead}. ${t.timeline.phone.tape}`}
        aria-orientation="vertical"
        aria-valuemin={Math.round(begin_ms)}
        aria-valuemax={Math.round(end_ms)}
        aria-valuenow={at_ms}
        aria-valuetext={t.timeline.playheadAt(clockSecond(zone, at_ms), whatAt(model, at_ms))}
      >
        <b class="num">{clockBare(zone, at_ms)}</b>
      </div>
    </div>
  );
}

/** A link that says how long a stretch to show is obeyed roughly; otherwise an hour and a half. */
function firstScale(model: TimelineModel): number {
  const span = spanOf(model.view.peek());
  return span < 3 * 3_600_000 ? span / SHOWN_PX : FIRST_MS_PER_PX;
}

function Card({ model, card }: { model: TimelineModel; card: Placed<Happening> }) {
  const { value: event, y } = card;
  const lasted = event.end_ms === null ? t.timeline.list.lasting : length(event.end_ms - event.start_ms);
  return (
    <button type="button" class="tape-card" style={{ transform: `translateY(${Math.round(y)}px)` }} data-event={event.id} onClick={() => model.go(event.start_ms)}>
      {event.picture ? <img alt="" src={event.picture} loading="lazy" /> : <span class="tape-noimg" />}
      <span>
        <b>{kindWord(event.kind)}</b>
        <span class="num">
          {clockMinute(recorderZone.value, event.start_ms)} · {lasted}
        </span>
      </span>
    </button>
  );
}

function GapSentence({ gap: { value: gap, y } }: { gap: Placed<Gap> }) {
  const long = length((gap.end_ms ?? serverNow()) - gap.begin_ms);
  return (
    <div class={`tape-gap ${gap.tone}`} style={{ transform: `translateY(calc(${Math.round(y)}px - 50%))` }} data-reason={gap.reason}>
      <Icon name={iconOfGap(gap.reason) as IconName} small />
      <span>{gap.words}</span>
      <b class="num">{long}</b>
    </div>
  );
}

/** Cameras as chips; the one shown is the one on the tape. */
export function CameraChips({ model }: { model: TimelineModel }) {
  const large = model.chosen.value[0];
  return (
    <div class="tape-chips" role="radiogroup" aria-label={t.timeline.phone.cameras}>
      {model.lanes.value.map((lane) => (
        <button
          key={lane.id}
          type="button"
          role="radio"
          aria-checked={lane.id === large}
          class={`chip${lane.id === large ? " on" : ""}`}
          onClick={() => model.makeLarge(lane.id)}
        >
          {lane.name}
        </button>
      ))}
    </div>
  );
}
