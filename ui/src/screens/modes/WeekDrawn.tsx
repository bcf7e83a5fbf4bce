/** A line a day in the colors of the modes: edges are dragged or moved by arrow keys, anything else is painted. */
import type { HTMLAttributes } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ModeWeekInfo as WeekInfo } from "../../api/schema";
import { clockText } from "../../ui/clockText";
import { modeName } from "../../ui/modeNames";
import { Segmented } from "../../ui/Segmented";
import { modes as modesWords } from "../../strings/modes";
import { dayNames, weekdays } from "./times";

const { week: w } = modesWords;
const DAY_MIN = 1440;
const STEP_MIN = 15;
/** Less is a press, not a stroke. */
const LEAST_MIN = 5;
const NAMED_MIN = 170;
/** After the last key at an edge: when it is stored, and until when it is shown there if no answer comes. */
const STORED_MS = 500;
const SHOWN_MS = 5_000;

type Day = WeekInfo["days"][number];
interface Stroke {
  date: string;
  from: number;
  to: number;
  /** The edge that is dragged: what is before and after it. */
  edge: { before: string; after: string } | null;
}

export function WeekDrawn(props: {
  week: WeekInfo;
  modes: readonly string[];
  isException: (date: string) => boolean;
  onPaint: (mode: string, day: number, from: number, to: number) => void;
}) {
  const { week, modes } = props;
  const [chosen, setChosen] = useState("");
  const [stroke, setStroke] = useState<Stroke | null>(null);
  const brush = modes.includes(chosen) ? chosen : (modes[1] ?? modes[0] ?? "");
  const [short, long] = [dayNames("short"), dayNames("long")];
  const today = week.days[0]?.date;
  const days = weekdays().flatMap((weekday) => week.days.filter((day) => day.weekday === weekday));
  const move = (day: Day, edge: NonNullable<Stroke["edge"]>, from: number, to: number) => {
    if (to > from) props.onPaint(edge.before, day.weekday, from, to);
    if (to < from) props.onPaint(edge.after, day.weekday, to, from);
  };
  const end = (day: Day) => {
    setStroke(null);
    if (!stroke) return;
    if (stroke.edge) move(day, stroke.edge, stroke.from, quarter(stroke.to));
    else if (Math.abs(stroke.to - stroke.from) >= LEAST_MIN) props.onPaint(brush, day.weekday, ...bounds(stroke));
  };
  return (
    <figure class="week-drawn" aria-label={w.preview}>
      <div class="row wrap week-brush">
        <Segmented label={w.brush} value={brush} options={modes.map((mode) => ({ value: mode, label: modeName(mode) }))} onChange={setChosen} />
        <span class="small sub">{w.paint}</span>
      </div>
      {days.map((day) => {
        const isHoliday = props.isException(day.date);
        return (
          <div key={day.date} class={`week-day${day.date === today ? " today" : ""}`} dir="ltr">
            <span class="small">{short[day.weekday]}</span>
            <div class={`week-bar${isHoliday ? " holiday" : ""}`}>
              <div
                class="week-line"
                role="img"
                aria-label={`${long[day.weekday] ?? ""}${isHoliday ? ` (${w.holiday})` : ""}: ${said(day.parts)}`}
                onPointerDown={(event) => {
                  if (isHoliday) return;
                  event.currentTarget.setPointerCapture(event.pointerId);
                  const at = minuteAt(event);
                  setStroke({ date: day.date, from: at, to: at, edge: null });
                }}
                onPointerMove={(event) => stroke?.date === day.date && setStroke({ ...stroke, to: minuteAt(event) })}
                onPointerUp={() => end(day)}
                onPointerCancel={() => setStroke(null)}
              >
                {day.parts.map((part) => (
                  <i key={part.from_min} class={`week-part week-${modes.indexOf(part.mode)}`} style={{ width: share(part.to_min - part.from_min) }}>
                    {part.to_min - part.from_min >= NAMED_MIN && <span>{modeName(part.mode)}</span>}
                  </i>
                ))}
                {stroke?.date === day.date && <Stroked stroke={stroke} look={`week-${modes.indexOf(brush)}`} />}
              </div>
              {!isHoliday &&
                day.parts.slice(1).map((part, index) => {
                  const before = day.parts[index]?.mode ?? "";
                  const edge = { before, after: part.mode };
                  return (
                    <Edge
                      key={`${before} ${part.mode} ${index}`} // another edge has another place and keys of its own
                      at={part.from_min}
                      label={w.edge(long[day.weekday] ?? "", modeName(before), modeName(part.mode))}
                      move={(from, to) => move(day, edge, from, to)}
                      onPointerDown={(event) => {
                        event.currentTarget.setPointerCapture(event.pointerId);
                        setStroke({ date: day.date, from: part.from_min, to: part.from_min, edge });
                      }}
                      onPointerMove={(event) => {
                        const line = event.currentTarget.parentElement;
                        if (stroke?.date === day.date && stroke.edge && line) setStroke({ ...stroke, to: minuteIn(line, event.clientX) });
                      }}
                      onPointerUp={() => end(day)}
                      onPointerCancel={() => setStroke(null)}
                    />
                  );
                })}
            </div>
          </div>
        );
      })}
      <div class="week-hours tiny sub num" dir="ltr" aria-hidden="true">
        {[0, 6, 12, 18, 24].map((hour) => (
          <span key={hour}>{String(hour).padStart(2, "0")}</span>
        ))}
      </div>
    </figure>
  );
}

type EdgeProps = Pick<HTMLAttributes<HTMLButtonElement>, "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerCancel"> & {
  at: number;
  label: string;
  move: (from: number, to: number) => void;
};

/** Keys move it at once; where they leave it is stored once. */
function Edge({ at, label, move, ...drag }: EdgeProps) {
  const [keyed, setKeyed] = useState<number | null>(null);
  /** Where it was before the keys that are not stored yet. */
  const from = useRef<number | null>(null);
  const now = keyed ?? at;
  const store = useRef(() => {});
  store.current = () => {
    const before = from.current;
    from.current = null;
    if (before !== null && before !== now) move(before, now);
  };
  useEffect(() => {
    if (keyed === null) return undefined;
    const timers = [setTimeout(() => store.current(), STORED_MS), setTimeout(() => setKeyed(null), SHOWN_MS)];
    return () => timers.forEach(clearTimeout);
  }, [keyed]);
  useEffect(() => {
    if (from.current === null) setKeyed(null);
  }, [at]);
  useEffect(() => () => store.current(), []);
  return (
    <button
      type="button"
      role="slider"
      class="week-edge"
      style={{ left: share(now) }}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={DAY_MIN}
      aria-valuenow={now}
      aria-valuetext={timeText(now)}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -STEP_MIN, ArrowDown: -STEP_MIN, ArrowRight: STEP_MIN, ArrowUp: STEP_MIN }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = Math.min(DAY_MIN, Math.max(0, quarter(now + step)));
        if (next === now) return;
        from.current ??= now;
        setKeyed(next);
      }}
      onBlur={() => store.current()}
      {...drag}
    />
  );
}

function Stroked({ stroke, look }: { stroke: Stroke; look: string }) {
  const [from, to] = stroke.edge ? [Math.min(stroke.from, stroke.to), Math.max(stroke.from, stroke.to)] : bounds(stroke);
  return (
    <>
      <i class={`week-stroke ${stroke.edge ? "" : look}`} style={{ left: share(from), width: share(to - from) }} />
      <b class="week-tip tiny num" style={{ left: share(Math.min(from, DAY_MIN - 240)) }}>
        {stroke.edge ? timeText(quarter(stroke.to)) : `${timeText(from)}–${timeText(to)}`}
      </b>
    </>
  );
}

const share = (minutes: number): string => `${((minutes / DAY_MIN) * 100).toFixed(3)}%`;
const quarter = (minute: number): number => Math.round(minute / STEP_MIN) * STEP_MIN;
const timeText = (minute: number): string => (minute === DAY_MIN ? "24:00" : clockText(Math.floor(minute / 60), minute % 60));

/** To whole quarters of an hour, at least one. */
function bounds({ from, to }: Stroke): [number, number] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const begin = Math.min(Math.floor(low / STEP_MIN) * STEP_MIN, DAY_MIN - STEP_MIN);
  return [begin, Math.max(begin + STEP_MIN, Math.min(DAY_MIN, Math.ceil(high / STEP_MIN) * STEP_MIN))];
}

function minuteAt(event: PointerEvent & { currentTarget: HTMLElement }): number {
  return minuteIn(event.currentTarget, event.clientX);
}

function minuteIn(line: HTMLElement, x: number): number {
  const { left, width } = line.getBoundingClientRect();
  return Math.round(Math.min(1, Math.max(0, (x - left) / width)) * DAY_MIN);
}

function said(parts: Day["parts"]): string {
  return parts.map((part) => w.part(modeName(part.mode), timeText(part.from_min), timeText(part.to_min))).join(", ");
}
