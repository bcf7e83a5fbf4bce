import { useRef } from "preact/hooks";
import { timeline as words } from "../../strings/timeline";
import { clockSecond } from "../../timeline/format";
import { timeAt, xOf } from "../../timeline/view";
import { recorderZone } from "../../timeline/wallclock";
import type { TimelineModel } from "./model";

type Edge = "begin_ms" | "end_ms";

/** The start and end of a clip over the lanes, with handles to drag. They are sliders: arrows move them by a second. */
export default function Marks({ model }: { model: TimelineModel }) {
  const host = useRef<HTMLDivElement>(null);
  const view = model.view.value;
  const { begin_ms, end_ms } = model.marks.value;
  if (begin_ms === null && end_ms === null) return null;
  const left = begin_ms === null ? xOf(view, end_ms ?? 0) : xOf(view, begin_ms);
  const right = end_ms === null ? left : xOf(view, end_ms);

  const move = (edge: Edge, at_ms: number) => {
    const now = model.marks.peek();
    if (edge === "begin_ms" && now.end_ms !== null && at_ms >= now.end_ms - 1000) return;
    if (edge === "end_ms" && now.begin_ms !== null && at_ms <= now.begin_ms + 1000) return;
    model.marks.value = { ...now, [edge]: at_ms };
  };
  const drag = (edge: Edge) => (event: PointerEvent) => {
    const box = host.current?.parentElement?.getBoundingClientRect();
    if (box && event.buttons !== 0) move(edge, timeAt(model.view.peek(), event.clientX - box.left));
  };
  const press = (edge: Edge, at_ms: number) => (event: KeyboardEvent) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // else the page would move the playhead
    move(edge, at_ms + way * (event.shiftKey ? 10_000 : 1000));
  };
  const handle = (edge: Edge, at_ms: number, label: string) => (
    <button
      type="button"
      role="slider"
      class={`mark-edge ${edge === "begin_ms" ? "begin" : "end"}`}
      data-own-pointer
      aria-label={label}
      aria-valuemin={Math.round(view.begin_ms)}
      aria-valuemax={Math.round(view.end_ms)}
      aria-valuenow={Math.round(at_ms)}
      aria-valuetext={clockSecond(recorderZone.value, at_ms)}
      title={label}
      onKeyDown={press(edge, at_ms)}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag(edge)}
    />
  );
  return (
    <div
      ref={host}
      class={`mark${begin_ms === null || end_ms === null ? " half" : ""}`}
      style={{ left: `${left}px`, width: `${Math.max(0, right - left)}px` }}
      data-begin={begin_ms === null ? undefined : Math.round(begin_ms)}
      data-end={end_ms === null ? undefined : Math.round(end_ms)}
    >
      {begin_ms !== null && handle("begin_ms", begin_ms, words.clip.begin)}
      {end_ms !== null && handle("end_ms", end_ms, words.clip.end)}
    </div>
  );
}
