import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameras, serverNow } from "../../api/state";
import { iconOf, isShowing } from "../../ui/cameraWords";
import { cameraPath, url } from "../../api/client";
import { timeline } from "../../strings/timeline";
import { damageAt } from "../../timeline/data";
import { type Target, hit } from "../../timeline/draw";
import { clockBare, clockMinute, clockSecond } from "../../timeline/format";
import { RULER_PX, lanesLayout } from "../../timeline/layout";
import { spanOf, xOf } from "../../timeline/view";
import { Icon } from "../../ui/Icon";
import { Lazy, inSheet } from "../../ui/Lazy";
import { type Painted, measure, usePainted } from "../../timeline/canvas";
import { hoverAt, type Hover, Preview } from "./Preview";
import { listenToPointer } from "./pointer";
import { NO_MARKS, type TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";
import "./lanes.css";

const loadMarks = () => import("./Marks");

/** Desktop: names on the left, one lane a camera, and everything that moves over them. */
export function Lanes({ model }: { model: TimelineModel }) {
  const count = Math.max(1, model.lanes.value.length);
  const laneHeight = count <= 6 ? 54 : count <= 9 ? 46 : 42;
  const hover = useSignal<Hover | null>(null);
  const { begin_ms, end_ms } = model.marks.value;
  const painted = usePainted(({ width }) => {
    const view = { ...model.view.value, width };
    const data = model.store.data.value;
    const look = { zone: recorderZone.value, measure, laneHeight, sayNow: !model.group.live.value };
    return lanesLayout(view, { ...data, now_ms: steady(data.now_ms, view) }, look);
  });

  useEffect(
    () =>
      effect(() => {
        const { width } = painted.size.value;
        if (width > 0 && model.view.peek().width !== width) model.view.value = { ...model.view.peek(), width };
      }),
    [model],
  );
  useEffect(() => {
    const node = painted.host.current;
    if (!node) return;
    return listenToPointer(node, model, {
      at: (x, y) => (painted.list.peek() ? hit(painted.list.peek() as NonNullable<typeof painted.list.value>, x, y) : null),
      hover: (x, y, target) => {
        hover.value = target === null ? null : hoverAt(model, x, y, target, laneHeight);
        node.style.cursor = cursorOf(target);
      },
    });
  }, [model, laneHeight]);

  return (
    <div class="tl" style={{ "--lane-px": `${laneHeight}px` }}>
      <Names model={model} />
      <div ref={painted.host} class="tl-time" style={{ height: `${RULER_PX + count * laneHeight}px` }}>
        <Canvas model={model} painted={painted} />
        {(begin_ms ?? end_ms) !== null && <Lazy load={loadMarks} props={{ model }} waiting={inSheet(() => (model.marks.value = NO_MARKS))} />}
        <Playhead model={model} painted={painted} />
        <Preview hover={hover.value} laneHeight={laneHeight} lanes={count} roof={() => aboveControls(painted.host.current)} />
      </div>
    </div>
  );
}

/** How far the top of what stands above the lanes is from their lower edge. */
function aboveControls(lanes: HTMLElement | null): number {
  const controls = document.querySelector(".transport");
  if (!lanes || !controls) return 0;
  return lanes.getBoundingClientRect().bottom - controls.getBoundingClientRect().top;
}

/** Now, held until it is worth a repaint. */
const steady = (now_ms: number, view: { begin_ms: number; end_ms: number; width: number }): number => {
  const half = Math.max(1000, spanOf(view) / view.width / 2);
  return Math.ceil(now_ms / half) * half;
};

function cursorOf(target: Target | null): string {
  if (target?.is === "ruler") return "grab";
  return target?.is === "pin" || target?.is === "gap" || target?.is === "damage" ? "pointer" : "crosshair";
}

function Canvas({ model, painted }: { model: TimelineModel; painted: Painted<ReturnType<typeof lanesLayout>> }) {
  const { canvas } = painted;
  useEffect(() => {
    const stops = [
      effect(() => {
        const view = model.view.value;
        if (!canvas.current) return;
        canvas.current.dataset["t0"] = String(Math.round(view.begin_ms));
        canvas.current.dataset["t1"] = String(Math.round(view.end_ms));
      }),
      effect(() => {
        const playhead = String(Math.round(model.group.at_ms.value));
        if (canvas.current) canvas.current.dataset["playhead"] = playhead;
      }),
      effect(() => {
        const ticks = painted.list.value?.items.flatMap((item) => (item.is === "text" && item.font.startsWith("tick") ? [item.text] : []));
        if (canvas.current) canvas.current.dataset["ticks"] = (ticks ?? []).join(" | ");
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [model]);
  const zone = recorderZone.value;
  const { begin_ms, end_ms } = model.view.value;
  return <canvas ref={canvas} role="img" aria-label={timeline.canvas(clockMinute(zone, begin_ms), clockMinute(zone, end_ms))} />;
}

/** The line, moved without repainting what is under it. It is a slider: arrows move it by a second. */
function Playhead({ model, painted }: { model: TimelineModel; painted: Painted<ReturnType<typeof lanesLayout>> }) {
  const line = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      effect(() => {
        const view = { ...model.view.value, width: painted.size.value.width };
        const node = line.current;
        if (!node) return;
        const x = xOf(view, model.group.at_ms.value);
        node.style.transform = `translateX(${x.toFixed(1)}px)`;
        node.hidden = !(x >= -1 && x <= view.width + 1);
        node.style.setProperty("--nudge", `${Math.min(0, view.width - x - 40) - Math.min(0, x - 40)}px`);
      }),
    [model],
  );
  return (
    <div ref={line} class="playhead" aria-label={timeline.playhead} {...asSlider(model)}>
      <b class="num">{clockBare(recorderZone.value, model.second.value)}</b>
    </div>
  );
}

/** The playhead, for a screen reader; by the minute while it moves by itself, or each second would be spoken. */
export function asSlider(model: TimelineModel) {
  const { begin_ms, end_ms } = model.view.value;
  const { playing, live } = model.group;
  const moves = playing.value || live.value;
  const at_ms = moves ? model.minute.value : model.second.value;
  const clock = (moves ? clockMinute : clockSecond)(recorderZone.value, at_ms);
  return {
    role: "slider",
    tabIndex: 0,
    "aria-valuemin": Math.round(begin_ms),
    "aria-valuemax": Math.round(end_ms),
    "aria-valuenow": at_ms,
    "aria-valuetext": timeline.playheadAt(clock, whatAt(model, model.second.value)),
  } as const;
}

export function whatAt(model: TimelineModel, at_ms: number): string {
  const words = timeline.playheadIn;
  const lane = model.shownLanes.value[0];
  if (!lane) return words.nothing;
  const inside = ([begin, end]: readonly [number, number]): boolean => begin <= at_ms && at_ms < end;
  if (lane.spans.some(inside)) return damageAt(lane.damage, at_ms) ? words.damaged : words.recorded;
  const gap = lane.gaps.find((each) => inside([each.begin_ms, each.end_ms ?? serverNow()]));
  return gap ? `${words.gap}: ${gap.words}` : words.nothing;
}

function Names({ model }: { model: TimelineModel }) {
  const chosen = model.chosen.value;
  return (
    <div class="tl-names" role="group" aria-label={timeline.list.camera}>
      {model.lanes.value.map((lane) => {
        const camera = cameras.value.find((each) => each.id === lane.id);
        const ticked = chosen.includes(lane.id);
        return (
          <button
            key={lane.id}
            type="button"
            class={`tl-name${chosen[0] === lane.id ? " on" : ""}${ticked ? " ticked" : ""}`}
            aria-pressed={ticked}
            aria-label={timeline.tick(lane.name)}
            title={timeline.swapHint}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => model.tick(lane.id)}
            onDblClick={() => model.makeLarge(lane.id)}
          >
            {camera && isShowing(camera.state) ? (
              <Thumb id={lane.id} />
            ) : (
              <span class="tl-thumb">
                <Icon name={camera ? iconOf(camera.state) : "video-off"} small />
              </span>
            )}
            <span>{lane.name}</span>
          </button>
        );
      })}
    </div>
  );
}

function Thumb({ id }: { id: string }) {
  const failed = useSignal(false);
  return failed.value ? (
    <span class="tl-thumb">
      <Icon name="camera" small />
    </span>
  ) : (
    <img
      class="tl-thumb"
      alt=""
      loading="lazy"
      src={url(`${cameraPath(id)}/snapshot`, { width: 160 })}
      onError={() => {
        failed.value = true;
      }}
    />
  );
}
