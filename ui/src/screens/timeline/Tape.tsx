import { type Signal, effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { serverNow } from "../../api/state";
import { length } from "../../ui/times";
import { unlocks } from "../../sealed/unlocks";
import { timeline } from "../../strings/timeline";
import { NO_MOTION, type Gap, type Happening, type Lane } from "../../timeline/data";
import { type DrawList, iconOfGap, iconOfKind } from "../../timeline/draw";
import { clockBare, clockMinute, kindWord } from "../../timeline/format";
import { lanesLayout } from "../../timeline/layout";
import { FRAMES_LEFT, FRAME_PX, PLAYHEAD_PX, type Placed, type Tape as Drawn, type TapeView, framesOf, tapeLayout, yOf } from "../../timeline/tape";
import { spanOf } from "../../timeline/view";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { type Painted, type Size, measure, usePainted } from "../../timeline/canvas";
import { asSlider, whatAt } from "./Lanes";
import type { TimelineModel } from "./model";
import { type Lie, type Scrubbed, listenToFingers } from "./fingers";
import { kept, usePicture } from "./Preview";
import { recorderZone } from "../../timeline/wallclock";
import "./tape.css";

const SHOWN_PX = 380;
const FIRST_MS_PER_PX = (95 * 60_000) / SHOWN_PX;
const EMPTY: Lane = { id: "", name: "", spans: [], gaps: [], damage: [], events: [], motion: NO_MOTION };
const SIDE_LANE_PX = 28;

export interface OfTape {
  model: TimelineModel;
  /** Milliseconds to the pixel; kept while the phone is turned. */
  scale: Signal<number>;
}

/** Phone: time as a vertical tape under a playhead that stands still. */
export function Tape({ model, scale }: OfTape) {
  const rough = useRough(model, scale);
  const scrubbed = useSignal<Scrubbed | null>(null);
  const painted = usePainted<Drawn>((size) => {
    const tape: TapeView = { ...size, playhead_ms: rough.value, ms_per_px: scale.value };
    return tapeLayout(tape, model.shownLanes.value[0] ?? EMPTY, nowOf(model, scale.value), recorderZone.value, measure);
  });
  useMoving({ model, scale, rough, painted, scrubbed }, "up");
  const drawn = painted.list.value;
  const { width, height } = painted.size.value;
  const tape: TapeView = { width, height, playhead_ms: rough.value, ms_per_px: scale.value };
  return (
    <div ref={painted.host} class="tape">
      <TapeCanvas model={model} painted={painted} />
      <Frames model={model} moments={(spans) => framesOf(tape, height, FRAME_PX.height + 2, PLAYHEAD_PX, spans)} place={(at) => `translate(${FRAMES_LEFT}px, ${Math.round(yOf(tape, at) - FRAME_PX.height)}px)`} />
      {drawn?.gaps.map((gap) => <GapSentence key={gap.value.begin_ms} gap={gap} />)}
      {drawn?.cards.map((card) => <Card key={card.value.id} model={model} card={card} />)}
      <TapePlayhead model={model} lie="up" />
      <ScrubPreview model={model} scrubbed={scrubbed.value} size={painted.size.value} within_ms={NEAR_PX * scale.value} />
    </div>
  );
}

/** A phone on its side: the same along its lower edge, under a playhead in the middle. */
export function SideTape({ model, scale, onScrub }: OfTape & { onScrub: (is: boolean) => void }) {
  const rough = useRough(model, scale);
  const scrubbed = useSignal<Scrubbed | null>(null);
  const painted = usePainted<DrawList>(({ width }) => {
    const view = { begin_ms: rough.value - (width / 2) * scale.value, end_ms: rough.value + (width / 2) * scale.value, width };
    const data = { ...model.store.data.value, now_ms: nowOf(model, scale.value), lanes: model.shownLanes.value.slice(0, 1) };
    return lanesLayout(view, data, { zone: recorderZone.value, measure, laneHeight: SIDE_LANE_PX, sayNow: false });
  });
  useMoving({ model, scale, rough, painted, scrubbed }, "along");
  useEffect(() => onScrub(scrubbed.value !== null), [scrubbed.value !== null]);
  const { width } = painted.size.value;
  const tape: TapeView = { width: 0, height: width, playhead_ms: rough.value, ms_per_px: scale.value };
  return (
    <div ref={painted.host} class="tape along">
      <TapeCanvas model={model} painted={painted} />
      <Frames model={model} moments={(spans) => framesOf(tape, width, FRAME_PX.width + 2, width / 2, spans)} place={(at) => `translateX(${Math.round(width / 2 + (at - rough.value) / scale.value)}px)`} />
      <TapePlayhead model={model} lie="along" />
    </div>
  );
}

/** A link that says how long a stretch to show is obeyed roughly; otherwise an hour and a half. */
export function firstScale(model: TimelineModel): number {
  const span = spanOf(model.view.peek());
  return span < 3 * 3_600_000 ? span / SHOWN_PX : FIRST_MS_PER_PX;
}

function nowOf(model: TimelineModel, ms_per_px: number): number {
  const half = Math.max(1000, ms_per_px / 2);
  return Math.ceil(model.store.data.value.now_ms / half) * half;
}

/** The tape moves by whole thirds of a pixel: smooth to the eye, and still when nothing moves. */
function useRough(model: TimelineModel, scale: Signal<number>): Signal<number> {
  const rough = useSignal(model.group.at_ms.peek());
  useEffect(
    () =>
      effect(() => {
        const step = scale.value / 3;
        rough.value = Math.round(model.group.at_ms.value / step) * step;
      }),
    [model],
  );
  return rough;
}

interface Moving {
  model: TimelineModel;
  scale: Signal<number>;
  rough: Signal<number>;
  painted: Pick<Painted<DrawList>, "host" | "canvas" | "size">;
  scrubbed: Signal<Scrubbed | null>;
}

/** Keeps the view in step with what the tape shows, says it on the canvas, and listens to fingers. */
function useMoving({ model, scale, rough, painted, scrubbed }: Moving, lie: Lie): void {
  useEffect(() => {
    const first = scale.peek();
    const stops = [
      effect(() => {
        const fitting_ms = model.fitting.value;
        if (fitting_ms !== null && scale.peek() === first) scale.value = Math.min(first, fitting_ms / SHOWN_PX);
      }),
      effect(() => {
        const { width, height } = painted.size.value;
        if (height === 0) return;
        const [before_px, long_px] = lie === "up" ? [height - PLAYHEAD_PX, height] : [width / 2, width];
        const begin_ms = rough.value - before_px * scale.value;
        const end_ms = begin_ms + long_px * scale.value;
        const view = model.view.peek();
        if (Math.abs(view.begin_ms - begin_ms) > scale.value || Math.abs(spanOf(view) - (end_ms - begin_ms)) > 1)
          model.view.value = { begin_ms, end_ms, width: long_px };
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
  useEffect(() => (painted.host.current ? listenToFingers(painted.host.current, model, scale, lie, scrubbed) : undefined), [model]);
}

function TapeCanvas({ model, painted }: { model: TimelineModel; painted: { canvas: Painted<Drawn>["canvas"]; size: Signal<Size> } }) {
  const zone = recorderZone.value;
  const { begin_ms, end_ms } = model.view.value;
  return <canvas ref={painted.canvas} role="img" aria-label={timeline.canvas(clockMinute(zone, begin_ms), clockMinute(zone, end_ms))} />;
}

function TapePlayhead({ model, lie }: { model: TimelineModel; lie: Lie }) {
  return (
    <div
      class="tape-playhead"
      style={lie === "up" ? { top: `${PLAYHEAD_PX}px` } : {}}
      aria-label={`${timeline.playhead}. ${timeline.phone.tape}`}
      aria-orientation={lie === "up" ? "vertical" : "horizontal"}
      {...asSlider(model)}
    >
      <b class="num">{clockBare(recorderZone.value, model.second.value)}</b>
    </div>
  );
}

/** Pictures beside the tape, where there is video. */
function Frames(props: { model: TimelineModel; moments: (spans: Lane["spans"]) => number[]; place: (at_ms: number) => string }) {
  const lane = props.model.shownLanes.value[0];
  if (!lane) return null;
  return (
    <div class="tape-frames" aria-hidden="true">
      {props.moments(lane.spans).map((at) => (
        <Frame key={`${lane.id} ${at}`} camera={lane.id} at_ms={at} place={props.place(at)} />
      ))}
    </div>
  );
}

function Frame({ camera, at_ms, place }: { camera: string; at_ms: number; place: string }) {
  const picture = usePicture(camera, at_ms);
  return (
    <span style={{ transform: place }} data-at={at_ms}>
      {picture && <img alt="" src={picture} draggable={false} />}
    </span>
  );
}

const PREVIEW_PX = { width: 160, height: 118 };
const ABOVE_FINGER_PX = 36;
/** A picture of the strip this near stands for an instant until its own has come. */
const NEAR_PX = 4 * FRAME_PX.height;

/** Of the pictures that the page has already, the one nearest to an instant. */
function nearest(camera: string, at_ms: number, within_ms: number): string | null {
  const begin = `${unlocks.value} ${camera} `;
  let found: string | null = null;
  let least_ms = within_ms;
  for (const [name, { image }] of kept) {
    if (!name.startsWith(begin) || !image.complete || image.naturalWidth === 0) continue;
    const apart_ms = Math.abs(Number(name.slice(begin.length)) - at_ms);
    if (apart_ms > least_ms) continue;
    found = image.src;
    least_ms = apart_ms;
  }
  return found;
}

/** What the playhead passes, above the finger that would cover it; beside the finger where there is no room above. */
function ScrubPreview({ model, scrubbed, size, within_ms }: { model: TimelineModel; scrubbed: Scrubbed | null; size: Size; within_ms: number }) {
  const lane = model.shownLanes.value[0];
  const at_ms = model.second.value;
  const own = usePicture(scrubbed && lane ? lane.id : null, at_ms);
  if (!scrubbed || !lane) return null;
  const picture = nearest(lane.id, at_ms, within_ms) ?? own;
  const { width, height } = PREVIEW_PX;
  const top = scrubbed.y - ABOVE_FINGER_PX - height;
  const aside = scrubbed.x < size.width / 2 ? width / 2 + 2 * ABOVE_FINGER_PX : -width / 2 - 2 * ABOVE_FINGER_PX;
  const x = scrubbed.x + (top < 0 ? aside : 0);
  const left = Math.max(4, Math.min(size.width - width - 4, x - width / 2));
  return (
    <div class="tape-preview" style={{ transform: `translate(${Math.round(left)}px, ${Math.round(Math.max(4, top))}px)` }} data-preview={lane.id} aria-hidden="true">
      {picture ? <img alt="" src={picture} /> : <span>{whatAt(model, at_ms)}</span>}
      <b class="num">{clockBare(recorderZone.value, at_ms)}</b>
    </div>
  );
}

function Card({ model, card }: { model: TimelineModel; card: Placed<Happening> }) {
  const { value: event, y } = card;
  const lasted = event.end_ms === null ? timeline.list.lasting : length(event.end_ms - event.start_ms);
  return (
    <button type="button" class="tape-card" style={{ transform: `translateY(${Math.round(y)}px)` }} data-event={event.id} onClick={() => model.go(event.start_ms)}>
      <Icon name={iconOfKind(event.kind) as IconName} class={`kind-${event.kind}`} />
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
    <div class="tape-chips" role="radiogroup" aria-label={timeline.phone.cameras}>
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
