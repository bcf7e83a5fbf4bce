import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Reading } from "../../api/types";
import type { Camera } from "../../api/types";
import { isShowing } from "../../ui/cameraWords";
import { LiveVideo } from "../../live/LiveVideo";
import { useLive } from "../../live/useLive";
import { Icon } from "../../ui/Icon";
import { type Point, clamp, inserted, middle, moved, rectangle, removed, shifted } from "./geometry";
import { type Chosen, type Draft, nameOf, type TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const NUDGE = 0.005;
const FAR = 0.05;
const TAP = 0.02;
const HALF: Point = [0.15, 0.18];
const ways: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

type Tool = Chosen["what"] | null;
const ICONS = { zones: "pen-tool", lines: "spline", mask: "eye-off", private: "eye-off" } as const;

/** The camera's picture with what is drawn on it: zones, lines and what is ignored, by mouse, touch and keys. */
export function Editor(props: {
  store: TuningStore;
  camera: Camera;
  reading: ReadonlySignal<Reading | null>;
  /** What can be drawn here: the others are only seen. */
  draws: readonly Chosen["what"][];
  disabled: boolean;
}) {
  const { store, camera, reading, draws, disabled } = props;
  const showing = isShowing(camera.state);
  const live = useLive(camera, "sub", showing);
  const tool = useSignal<Tool>(null);
  const drawn = useSignal<[Point, Point] | null>(null);
  const layer = useRef<HTMLDivElement>(null);
  const draft = store.draft.value;
  const chosen = store.chosen.value;
  if (!draft) return null;

  const at = (event: PointerEvent | MouseEvent): Point => {
    const box = layer.current?.getBoundingClientRect();
    if (!box) return [0, 0];
    return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
  };
  const pick = (next: Tool, byKey: boolean) => {
    tool.value = !byKey && tool.value === next ? null : next;
    if (byKey) {
      finish([0.5, 0.5], [0.5, 0.5]); // there is no pointer to draw with
      focusSoon(".ed-name.on");
    }
    if (tool.value) store.chosen.value = null;
  };
  const finish = (from: Point, to: Point) => {
    const what = tool.value;
    if (!what) return;
    const sides = [Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])];
    // What is straight has no area: only a line can be so.
    const isTap = Math.max(...sides) < TAP || (what !== "lines" && Math.min(...sides) < NUDGE);
    const ends: [Point, Point] = isTap ? [[from[0] - HALF[0], from[1] - HALF[1]], [from[0] + HALF[0], from[1] + HALF[1]]] : [from, to];
    const line: Point[] = isTap ? [[clamp(ends[0][0]), from[1]], [clamp(ends[1][0]), from[1]]] : ends;
    store.add(what, what === "lines" ? line : rectangle(...ends), what === "zones" ? words.places.newZone : words.places.newLine);
    tool.value = null;
  };
  const shapes = all(draft).filter(({ what }) => draws.includes(what));
  const hidden = draws.includes("private") ? [] : draft.private;
  const { main, sub } = camera.streams;
  const stream = main ?? sub;
  return (
    <div class="ed">
      <figure
        ref={live.frame}
        class={`ed-pic${tool.value ? " drawing" : ""}`}
        aria-label={words.picture.label}
        data-view={live.view.value.kind}
        style={stream ? { aspectRatio: `${stream.width} / ${stream.height}`, "--shape": stream.width / stream.height } : {}}
      >
        {showing ? <LiveVideo camera={camera} live={live} width={960} bare /> : <p class="live-sentence">{words.picture.paused}</p>}
        <div
          ref={layer}
          class="ed-layer"
          data-layer
          onPointerDown={(event) => {
            if (disabled || !tool.value) {
              if (event.target === event.currentTarget) store.chosen.value = null;
              return;
            }
            if (!event.isPrimary) {
              drawn.value = null; // two fingers don't draw
              return;
            }
            event.currentTarget.setPointerCapture(event.pointerId);
            drawn.value = [at(event), at(event)];
          }}
          onPointerMove={(event) => {
            if (drawn.value) drawn.value = [drawn.value[0], at(event)];
          }}
          onPointerUp={() => {
            const done = drawn.value;
            drawn.value = null;
            if (done) finish(...done);
          }}
          onPointerCancel={() => (drawn.value = null)}
        >
          {hidden.map((points, index) => (
            <Outline key={index} what="private" points={points} active={false} />
          ))}
          <Things reading={reading} />
          {shapes.map((shape) => (
            <Shape
              key={`${shape.what}${shape.index}`}
              store={store}
              shape={shape}
              name={nameOf(draft, shape)}
              active={same(shape, chosen)}
              disabled={disabled || tool.value !== null}
              at={at}
            />
          ))}
          {drawn.value && <Outline what={tool.value ?? "zones"} points={tool.value === "lines" ? drawn.value : rectangle(...drawn.value)} active />}
          {chosen && !disabled && !tool.value && <Handles store={store} chosen={chosen} name={nameOf(draft, chosen)} at={at} />}
        </div>
      </figure>
      {!disabled && (
        <div class="ed-tools" role="group" aria-label={words.picture.label}>
          {draws.map((what) => (
            <ToolButton key={what} icon={ICONS[what]} name={words.picture.tools[what]} on={tool.value === what} press={(event) => pick(what, event.detail === 0)} />
          ))}
          <ToolButton icon="rotate-ccw" name={words.picture.undo} on={false} off={!store.canUndo.value} press={() => store.undo()} />
        </div>
      )}
      <p class="small sub ed-hint" role="status">
        {store.complaint.value ? (
          <b class="ed-bad">{store.complaint.value}</b>
        ) : disabled ? null : tool.value ? (
          words.picture.drawHint
        ) : chosen ? (
          <>
            {chosen.what !== "lines" && words.picture.hint} <span class="only-desk">{words.picture.keysHint}</span>
          </>
        ) : null}
      </p>
    </div>
  );
}

function ToolButton(props: { icon: "pen-tool" | "spline" | "eye-off" | "rotate-ccw"; name: string; on: boolean; off?: boolean; press: (event: MouseEvent) => void }) {
  return (
    <button type="button" class={`btn${props.on ? " on" : ""}`} aria-pressed={props.on} aria-disabled={props.off} onClick={props.press}>
      <Icon name={props.icon} small />
      {props.name}
    </button>
  );
}

/** Where what has the focus is gone, or for what is not there yet. */
const focusSoon = (which: string) => setTimeout(() => document.querySelector<HTMLElement>(which)?.focus());

type Drawn = Chosen & { points: Point[] };

function all(draft: Draft): Drawn[] {
  return [
    ...draft.private.map((points, index) => ({ what: "private" as const, index, points })),
    ...draft.mask.map((points, index) => ({ what: "mask" as const, index, points })),
    ...draft.zones.map((zone, index) => ({ what: "zones" as const, index, points: zone.points })),
    ...draft.lines.map((line, index) => ({ what: "lines" as const, index, points: line.points })),
  ];
}

function same(one: Chosen, other: Chosen | null): boolean {
  return other !== null && one.what === other.what && one.index === other.index;
}

const path = (points: readonly Point[]) => points.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" ");

function Outline({ what, points, active }: { what: Chosen["what"]; points: readonly Point[]; active: boolean }) {
  return (
    <svg class={`ed-svg ${what}${active ? " on" : ""}`} viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      {what === "lines" ? <polyline points={path(points)} /> : <polygon points={path(points)} />}
    </svg>
  );
}

/** A shape: pressed to choose it, dragged inside (or on the line) to move it, on an edge to add a point. */
function Shape(props: { store: TuningStore; shape: Drawn; name: string; active: boolean; disabled: boolean; at: (event: PointerEvent) => Point }) {
  const { store, shape, name, active, disabled, at } = props;
  const from = useRef<{ at: Point; points: Point[]; stepped: boolean } | null>(null);
  const [x, y] = middle(shape.points);
  const choose = () => {
    store.chosen.value = { what: shape.what, index: shape.index };
  };
  const shift = (dx: number, dy: number) => store.setPoints(shape, shifted(store.points(shape), dx, dy), words.picture.crossed);
  const Body = shape.what === "lines" ? "polyline" : "polygon";
  return (
    <>
      <svg class={`ed-svg ${shape.what}${active ? " on" : ""}`} viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <Body
          class="ed-body"
          points={path(shape.points)}
          data-shape={`${shape.what} ${shape.index}`}
          onPointerDown={(event) => {
            choose();
            if (disabled) return;
            event.stopPropagation();
            event.currentTarget.setPointerCapture(event.pointerId);
            from.current = { at: at(event), points: shape.points, stepped: false };
          }}
          onPointerMove={(event) => {
            const begun = from.current;
            if (!begun || disabled) return;
            const [nx, ny] = at(event);
            const [dx, dy] = [nx - begun.at[0], ny - begun.at[1]];
            if (!begun.stepped && Math.hypot(dx, dy) < 0.004) return;
            store.setPoints(shape, shifted(begun.points, dx, dy), words.picture.crossed, !begun.stepped);
            begun.stepped = true;
          }}
          onPointerUp={() => (from.current = null)}
          onPointerCancel={() => (from.current = null)}
        />
        {shape.what === "lines" && <polyline points={path(shape.points)} />}
        {active && !disabled && shape.what !== "lines" && <Edges store={store} shape={shape} at={at} />}
      </svg>
      <button
        type="button"
        class={`ed-name ${shape.what}${active ? " on" : ""}`}
        style={{ left: `${Math.min(92, Math.max(8, x * 100))}%`, top: `${Math.min(95, Math.max(5, y * 100))}%` }}
        aria-label={words.picture.shape(name)}
        aria-pressed={active}
        onPointerDown={(event) => event.stopPropagation()}
        onClick={choose}
        onKeyDown={(event) => {
          const way = ways[event.key];
          if (disabled) return;
          if (way) {
            const by = event.shiftKey ? FAR : NUDGE;
            choose();
            shift(way[0] * by, way[1] * by);
          } else if (event.key === "Delete") {
            store.remove(shape);
            focusSoon(".ed-name, .ed-tools button");
          } else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      >
        {name}
      </button>
      {shape.what === "lines" &&
        shape.points.map(([px, py], index) => (
          <span key={index} class="ed-end" aria-hidden="true" style={{ left: `${px * 100}%`, top: `${py * 100}%` }}>
            {index === 0 ? "A" : "B"}
          </span>
        ))}
    </>
  );
}

function Edges({ store, shape, at }: { store: TuningStore; shape: Drawn; at: (event: PointerEvent) => Point }) {
  return (
    <>
      {shape.points.map((point, index) => (
        <polyline
          key={index}
          class="ed-hit"
          data-edge={index}
          points={path([point, shape.points[(index + 1) % shape.points.length] as Point])}
          onPointerDown={(event) => {
            event.stopPropagation();
            store.setPoints(shape, inserted(shape.points, index, at(event)), words.picture.crossed);
          }}
        />
      ))}
    </>
  );
}

/** The points of the chosen shape: real buttons, so that keys and screen readers reach them. */
function Handles({ store, chosen, name, at }: { store: TuningStore; chosen: Chosen; name: string; at: (event: PointerEvent) => Point }) {
  const points = store.points(chosen);
  const stepped = useRef(false);
  const least = chosen.what === "lines" ? 2 : 3;
  const put = (next: Point[], step = true) => store.setPoints(chosen, next, words.picture.crossed, step);
  const drop = (index: number) => {
    if (points.length <= least) store.complaint.value = words.picture.three;
    else if (put(removed(points, index))) focusSoon(`[data-point="${Math.min(index, points.length - 2)}"]`);
  };
  return (
    <>
      {points.map((point, index) => (
        <button
          key={index}
          type="button"
          class="ed-point"
          data-point={index}
          style={{ left: `${point[0] * 100}%`, top: `${point[1] * 100}%` }}
          aria-label={words.picture.point(index + 1, name, Math.round(point[0] * 100), Math.round(point[1] * 100))}
          onPointerDown={(event) => {
            event.stopPropagation();
            event.currentTarget.setPointerCapture(event.pointerId);
            stepped.current = false;
          }}
          onPointerMove={(event) => {
            if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
            if (put(moved(store.points(chosen), index, at(event)), !stepped.current)) stepped.current = true;
          }}
          onKeyDown={(event) => {
            const way = ways[event.key];
            const by = event.shiftKey ? FAR : NUDGE;
            if (way) put(moved(points, index, [point[0] + way[0] * by, point[1] + way[1] * by]));
            else if (event.key === "Delete" || event.key === "Backspace") drop(index);
            else if ((event.key === "+" || event.key === "Insert") && chosen.what !== "lines") put(inserted(points, index));
            else if (event.key === "Escape") {
              document.querySelector<HTMLElement>(".ed-name.on")?.focus();
              store.chosen.value = null;
            } else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
      ))}
    </>
  );
}

/** What moves now: events with a full line, what may become one with a broken one. */
function Things({ reading }: { reading: ReadonlySignal<Reading | null> }) {
  return (
    <>
      {reading.value?.things.map(({ box: [x0, y0, x1, y1], event }, index) => (
        <i
          key={index}
          class={`ed-thing${event ? " event" : ""}`}
          style={{ left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` }}
        />
      ))}
    </>
  );
}
