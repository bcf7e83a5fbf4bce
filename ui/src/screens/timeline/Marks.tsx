import { useRef } from "preact/hooks";
import { t } from "../../strings";
import { timeAt, xOf } from "../../timeline/view";
import type { TimelineModel } from "./model";

/** The start and end of a clip over the lanes, with handles to drag. */
export default function Marks({ model }: { model: TimelineModel }) {
  const host = useRef<HTMLDivElement>(null);
  const view = model.view.value;
  const { begin_ms, end_ms } = model.marks.value;
  if (begin_ms === null && end_ms === null) return null;
  const left = begin_ms === null ? xOf(view, end_ms ?? 0) : xOf(view, begin_ms);
  const right = end_ms === null ? left : xOf(view, end_ms);

  const drag = (edge: "begin_ms" | "end_ms") => (event: PointerEvent) => {
    const box = host.current?.parentElement?.getBoundingClientRect();
    if (!box || event.buttons === 0) return;
    const at_ms = timeAt(model.view.peek(), event.clientX - box.left);
    const now = model.marks.peek();
    if (edge === "begin_ms" && now.end_ms !== null && at_ms >= now.end_ms - 1000) return;
    if (edge === "end_ms" && now.begin_ms !== null && at_ms <= now.begin_ms + 1000) return;
    model.marks.value = { ...now, [edge]: at_ms };
  };
  const handle = (edge: "begin_ms" | "end_ms", label: string) => (
    <button
      type="button"
      class={`mark-edge ${edge === "begin_ms" ? "begin" : "end"}`}
      data-own-pointer
      aria-label={label}
      title={label}
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
      {begin_ms !== null && handle("begin_ms", t.timeline.clip.begin)}
      {end_ms !== null && handle("end_ms", t.timeline.clip.end)}
    </div>
  );
}
