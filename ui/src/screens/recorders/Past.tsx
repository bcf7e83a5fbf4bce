/** The past of cameras of several recorders, a day at a time: recorded, gaps, events, and what isn't known here. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { url } from "../../api/client";
import { serverNow } from "../../api/state";
import type { FleetBox, FleetLane, FleetTimeline } from "../../api/types";
import { timeline } from "../../strings/timeline";
import { recorders as words } from "../../strings/recorders";
import { type Lane, NO_MOTION, type TimelineData, gapAt, within } from "../../timeline/data";
import { type DrawList, type Item, type Target, hit } from "../../timeline/draw";
import { clockBare, dayName } from "../../timeline/format";
import { RULER_PX, gapLabel, lanesLayout } from "../../timeline/layout";
import { measure, usePainted } from "../../timeline/canvas";
import { type View, clamp, panBy, spanOf, timeAt, xOf, zoomAround } from "../../timeline/view";
import { loadRecorderZone, recorderZone } from "../../timeline/wallclock";
import type { Day } from "../../timeline/zone";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { ServerText } from "../../ui/ServerText";
import { go, place, setQuery } from "../../ui/router";
import { length } from "../../ui/times";
import { usePolled } from "../../ui/usePolled";
import "./past.css";

const AGAIN_MS = 10_000;
const LANE_PX = 46;
const BAND_PX = 36;
const UNKNOWN_PX = 12;
/** As many as one request answers. */
export const MOST_LANES = 64;
/** Shown until others are chosen. */
const FIRST_LANES = 24;
const PICTURE_PX = 240;
/** Moved less, a press is a click. */
const DRAG_PX = 5;

type UnknownLane = Lane & { box: string; camera: string; unknown: [number, number][] };

interface Pointed {
  x: number;
  row: number;
  at_ms: number;
  target: Target;
}

export default function Past({ boxes }: { boxes: readonly FleetBox[] }) {
  const all = boxes.flatMap((box) => box.cameras.map((camera) => ({ id: `${box.id}~${camera.info.id}`, box, name: camera.info.name })));
  const asked = (place.value.query.get("cam") ?? "").split(",").filter((id) => all.some((one) => one.id === id));
  const chosen = asked.length > 0 ? asked.slice(0, MOST_LANES) : all.slice(0, FIRST_LANES).map((one) => one.id);
  const zone = recorderZone.value;
  const at_ms = Number(place.value.query.get("t")) * 1000 || serverNow();
  const day = zone.day(at_ms);
  const cameras = chosen.join(",");
  const { found: answer, failed } = usePolled<FleetTimeline>(cameras ? "/fleet/timeline" : null, AGAIN_MS, { from_ms: day.begin_ms, to_ms: day.end_ms, cameras });
  useEffect(() => void loadRecorderZone().catch(() => undefined), []);
  if (all.length === 0) return <Problem icon="film" what={words.past.none} todo={words.past.noneDo} />;
  return (
    <>
      <div class="past-tools">
        <Days day={day} />
        <details class="past-choice">
          <summary class="btn">
            <Icon name="video" small /> {words.past.chosen(chosen.length, all.length)}
          </summary>
          <div class="card">
            {boxes.map((box) => (
              <fieldset key={box.id}>
                <legend>{box.name}</legend>
                {all.filter((one) => one.box === box).map((one) => (
                  <label key={one.id}>
                    <input
                      type="checkbox"
                      checked={chosen.includes(one.id)}
                      onChange={() => setQuery({ cam: (chosen.includes(one.id) ? chosen.filter((id) => id !== one.id) : [...chosen, one.id]).join(",") || null })}
                    />{" "}
                    {one.name}
                  </label>
                ))}
              </fieldset>
            ))}
          </div>
        </details>
      </div>
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      {answer.value ? <Lanes key={day.begin_ms} answer={answer.value} boxes={boxes} day={day} /> : !failed.value && <p class="sub">{timeline.loading}</p>}
      <p class="past-legend small" aria-hidden="true">
        <span class="is-recorded" /> {timeline.legend.recorded} <span class="is-gap" /> {timeline.legend.gap} <span class="is-unknown" /> {words.past.unknown}
      </p>
    </>
  );
}

function Days({ day }: { day: Day }) {
  const zone = recorderZone.value;
  const { year, month, day: number } = zone.local(day.begin_ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const to = (ms: number) => setQuery({ t: String(Math.round(Math.min(ms, serverNow()) / 1000)) });
  const isToday = day.end_ms > serverNow();
  return (
    <div class="past-days">
      <button type="button" class="btn ghost sq" aria-label={timeline.transport.previousDay} onClick={() => to(day.begin_ms - 1)}>
        <Icon name="chevron-left" />
      </button>
      <input
       
        type="date"
        aria-label={words.past.day}
        value={`${year}-${two(month)}-${two(number)}`}
        onChange={({ currentTarget }) => {
          const [y = 0, m = 0, d = 0] = currentTarget.value.split("-").map(Number);
          if (d) to(zone.midnight(y, m, d));
        }}
      />
      <button type="button" class="btn ghost sq" aria-label={timeline.transport.nextDay} disabled={isToday} onClick={() => to(day.end_ms + 1)}>
        <Icon name="chevron-right" />
      </button>
    </div>
  );
}

function Lanes({ answer, boxes, day }: { answer: FleetTimeline; boxes: readonly FleetBox[]; day: Day }) {
  const zone = recorderZone.value;
  const view = useSignal<View>({ ...day, width: 1 });
  const lanes = useSignal<UnknownLane[]>([]);
  const pointed = useSignal<Pointed | null>(null);
  const pressed_px = useRef(0);
  useEffect(() => {
    lanes.value = answer.cameras.map(laneOf);
  }, [answer]);
  const painted = usePainted(({ width }) => {
    const shown = { ...view.value, width };
    const data: TimelineData = { ...day, now_ms: answer.now_ms, lanes: lanes.value };
    const list = lanesLayout(shown, data, { zone: recorderZone.value, measure, laneHeight: LANE_PX, sayNow: true });
    return { ...list, items: [...list.items, ...lanes.value.flatMap((lane, row) => unknownItems(shown, lane, row))] };
  });
  const named = (id: string) => boxes.find((box) => box.id === id);
  const openAt = (lane: UnknownLane, at_ms: number) => {
    if (named(lane.box)?.online) location.assign(`/boxes/${lane.box}/timeline?cam=${lane.camera}&t=${Math.round(at_ms / 1000)}`);
  };
  const zoom = (factor: number) => {
    view.value = inside(zoomAround({ ...view.value, width: painted.size.value.width || 1 }, factor, answer.now_ms, day.end_ms), day);
  };
  return (
    <>
      <div class="past" style={{ "--lane-px": `${LANE_PX}px` }}>
        <ul class="past-names">
          {answer.cameras.map((lane) => {
            const box = named(lane.box);
            const name = (
              <>
                <b>{lane.name}</b>
                <span class="small muted">
                  {box?.online === false && <Icon name="wifi-off" small />} {box?.name ?? lane.box}
                </span>
              </>
            );
            const href = `/boxes/${lane.box}/timeline?cam=${lane.camera}&t=${Math.round(day.begin_ms / 1000) + 1}`;
            return <li key={`${lane.box}~${lane.camera}`}>{box?.online ? <a href={href}>{name}</a> : <span>{name}</span>}</li>;
          })}
        </ul>
        <div
          ref={painted.host}
          class="past-time"
          style={{ height: `${RULER_PX + answer.cameras.length * LANE_PX}px` }}
          onPointerDown={(event) => (pressed_px.current = event.clientX)}
          onPointerMove={(event) => {
            if (event.buttons & 1 && event.movementX) view.value = inside(panBy({ ...view.value, width: painted.size.value.width }, event.movementX, day.end_ms), day);
            pointed.value = pointAt(event, painted.list.peek(), painted.host.current, { ...view.value, width: painted.size.value.width });
          }}
          onPointerLeave={() => (pointed.value = null)}
          onClick={(event) => {
            const at = pointAt(event, painted.list.peek(), painted.host.current, { ...view.value, width: painted.size.value.width });
            const lane = at && lanes.value[at.row];
            if (lane && at && Math.abs(event.clientX - pressed_px.current) < DRAG_PX) openAt(lane, at.at_ms);
          }}
        >
          <canvas
            ref={painted.canvas}
            role="img"
            data-t0={Math.round(view.value.begin_ms)}
            data-t1={Math.round(view.value.end_ms)}
            aria-label={words.past.canvas(dayName(zone, day.begin_ms, "short"))}
          />
          <Tip pointed={pointed} lanes={lanes.value} boxes={boxes} now_ms={answer.now_ms} width={painted.size.value.width} />
        </div>
      </div>
      <div class="past-zoom">
        <button type="button" class="btn ghost" aria-label={words.past.closer} onClick={() => zoom(0.5)}>
          +
        </button>
        <button type="button" class="btn ghost" aria-label={words.past.wider} disabled={spanOf(view.value) >= day.end_ms - day.begin_ms} onClick={() => zoom(2)}>
          −
        </button>
        <button type="button" class="btn ghost" onClick={() => go("/recorders/events")}>
          {words.past.list}
        </button>
      </div>
    </>
  );
}

function laneOf(lane: FleetLane): UnknownLane {
  const id = `${lane.box}~${lane.camera}`;
  const events = lane.events.map((event) => ({ ...event, camera: id, kind: event.type, picture: event.snapshot }));
  return { ...lane, id, events, motion: NO_MOTION };
}

/** A view moved back into its day. */
function inside(view: View, day: Day): View {
  const span = Math.min(spanOf(view), day.end_ms - day.begin_ms);
  const begin_ms = clamp(view.begin_ms, day.begin_ms, day.end_ms - span);
  return { ...view, begin_ms, end_ms: begin_ms + span };
}

/** A thin band, unlike recordings and gaps, with its words where they fit. */
function unknownItems(view: View, lane: UnknownLane, row: number): Item[] {
  const middle = RULER_PX + row * LANE_PX + Math.round((LANE_PX - BAND_PX) / 2) + BAND_PX / 2;
  return lane.unknown
    .filter(([begin, end]) => begin < view.end_ms && end > view.begin_ms)
    .flatMap(([begin, end]): Item[] => {
      const x = Math.max(0, xOf(view, begin));
      const w = Math.max(2, Math.min(view.width, xOf(view, end)) - x);
      const band: Item = { is: "box", ink: "line", round: UNKNOWN_PX / 2, x, y: middle - UNKNOWN_PX / 2, w, h: UNKNOWN_PX };
      const room = measure(words.past.unknown, "words");
      if (room + 34 > w) return [band];
      return [
        band,
        { is: "box", ink: "surface", round: 10, x: x + 9, y: middle - 10, w: room + 16, h: 20 },
        { is: "text", ink: "text-2", font: "words", x: x + 17, y: middle + 0.5, text: words.past.unknown },
      ];
    });
}

function pointAt(event: MouseEvent, list: DrawList | null, host: HTMLElement | null, view: View): Pointed | null {
  if (!list || !host) return null;
  const { left, top } = host.getBoundingClientRect();
  const [x, y] = [event.clientX - left, event.clientY - top];
  const target = hit(list, x, y);
  if (!target || target.is === "ruler") return null;
  const first = target.is === "pin" ? target.events[0] : undefined;
  return { x, row: Math.floor((y - RULER_PX) / LANE_PX), at_ms: first?.start_ms ?? timeAt(view, x), target };
}

/** What is under the pointer, with the recorder's own picture of that second while it is online. */
function Tip(props: { pointed: Signal<Pointed | null>; lanes: readonly UnknownLane[]; boxes: readonly FleetBox[]; now_ms: number; width: number }) {
  const now = props.pointed.value;
  const lane = now && props.lanes[now.row];
  if (!now || !lane || now.at_ms > props.now_ms) return null;
  const box = props.boxes.find((one) => one.id === lane.box);
  const at_ms = Math.floor(now.at_ms / 1000) * 1000;
  const gap = now.target.is === "gap" ? now.target.gap : gapAt(lane.gaps, at_ms);
  const isRecorded = within(lane.spans, at_ms);
  const event = now.target.is === "pin" ? now.target.events[0] : undefined;
  const canAsk = box?.online === true && box.allow.includes("clips");
  const picture = event?.picture && box?.online ? event.picture : isRecorded && canAsk ? url(`/cameras/${lane.id}/frame`, { at_ms, width: PICTURE_PX }) : null;
  const reason = gap && !event ? timeline.gapTip(length((gap.end_ms ?? props.now_ms) - gap.begin_ms), gapLabel(gap, recorderZone.value)) : "";
  const text = event?.title ?? (reason || (isRecorded ? "" : within(lane.unknown, at_ms) ? words.past.unknown : timeline.player.nothing));
  const left = clamp(now.x, PICTURE_PX / 2, Math.max(PICTURE_PX / 2, props.width - PICTURE_PX / 2));
  return (
    <div class="past-tip" style={{ left: `${left}px`, top: `${RULER_PX + (now.row + 1) * LANE_PX}px` }} data-camera={lane.id} aria-hidden="true">
      {picture && <img key={picture} alt="" src={picture} onError={({ currentTarget }) => currentTarget.remove()} />}
      {text && (
        <p>
          <ServerText text={text} />
        </p>
      )}
      <div>
        <span>
          {lane.name} · {box?.name ?? lane.box}
        </span>
        <span class="num">{clockBare(recorderZone.value, at_ms)}</span>
      </div>
    </div>
  );
}
