/** A line a day in the colours of the modes: said in words for who does not see it, and painted by dragging along. */
import { useState } from "preact/hooks";
import type { ModeWeekInfo as WeekInfo } from "../../api/schema";
import { modeName } from "../../ui/modeNames";
import { Segmented } from "../../ui/Segmented";
import { modes as modesWords } from "../../strings/modes";
import { minuteText } from "./times";

const { week: w } = modesWords;
const DAY_MIN = 1440;
const STEP_MIN = 15;
/** Less is a press, not a stroke. */
const LEAST_MIN = 5;

type Day = WeekInfo["days"][number];
interface Stroke {
  date: string;
  from: number;
  to: number;
}

export function WeekDrawn(props: {
  week: WeekInfo;
  modes: readonly string[];
  onPaint: (mode: string, day: number, from: number, to: number) => void;
}) {
  const { week, modes } = props;
  const [chosen, setChosen] = useState("");
  const [stroke, setStroke] = useState<Stroke | null>(null);
  const brush = modes.includes(chosen) ? chosen : (modes[1] ?? modes[0] ?? "");
  const width = (from: number, to: number) => `${(((to - from) / DAY_MIN) * 100).toFixed(3)}%`;
  const end = (day: Day) => {
    setStroke(null);
    if (!stroke || Math.abs(stroke.to - stroke.from) < LEAST_MIN) return;
    const [from, to] = bounds(stroke);
    props.onPaint(brush, day.weekday, from, to);
  };
  return (
    <figure class="week-drawn" aria-label={w.preview}>
      <div class="row wrap week-brush">
        <Segmented
          label={w.brush}
          value={brush}
          options={modes.map((mode) => ({ value: mode, label: modeName(mode) }))}
          onChange={setChosen}
        />
        <span class="tiny muted">{w.paint}</span>
      </div>
      {week.days.map((day) => (
        <div key={day.date} class="week-day">
          <span class="tiny sub num">
            {w.days[day.weekday]} {Number(day.date.slice(-2))}
          </span>
          <div
            class="week-line"
            role="img"
            aria-label={`${w.dayNames[day.weekday] ?? ""}: ${said(day.parts)}`}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              const at = minuteAt(event);
              setStroke({ date: day.date, from: at, to: at });
            }}
            onPointerMove={(event) => stroke?.date === day.date && setStroke({ ...stroke, to: minuteAt(event) })}
            onPointerUp={() => end(day)}
            onPointerCancel={() => setStroke(null)}
          >
            {day.parts.map((part) => (
              <i
                key={part.from_min}
                class={`week-${modes.indexOf(part.mode)}`}
                style={{ width: width(part.from_min, part.to_min) }}
              />
            ))}
            {stroke?.date === day.date && <Stroked stroke={stroke} look={`week-${modes.indexOf(brush)}`} />}
          </div>
        </div>
      ))}
      <div class="week-hours tiny muted num" aria-hidden="true">
        {["00", "06", "12", "18", "24"].map((hour) => (
          <span key={hour}>{hour}</span>
        ))}
      </div>
    </figure>
  );
}

function Stroked({ stroke, look }: { stroke: Stroke; look: string }) {
  const [from, to] = bounds(stroke);
  const share = (minutes: number) => `${((minutes / DAY_MIN) * 100).toFixed(3)}%`;
  return (
    <>
      <i class={`week-stroke ${look}`} style={{ left: share(from), width: share(to - from) }} />
      <b class="week-tip tiny num" style={{ left: share(Math.min(from, DAY_MIN - 240)) }}>
        {minuteText(from)}–{minuteText(to)}
      </b>
    </>
  );
}

/** To whole quarters of an hour, at least one. */
function bounds({ from, to }: Stroke): [number, number] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const begin = Math.min(Math.floor(low / STEP_MIN) * STEP_MIN, DAY_MIN - STEP_MIN);
  return [begin, Math.max(begin + STEP_MIN, Math.min(DAY_MIN, Math.ceil(high / STEP_MIN) * STEP_MIN))];
}

function minuteAt(event: PointerEvent & { currentTarget: HTMLElement }): number {
  const line = event.currentTarget.getBoundingClientRect();
  const share = (event.clientX - line.left) / line.width;
  return Math.round(Math.min(1, Math.max(0, share)) * DAY_MIN);
}

function said(parts: Day["parts"]): string {
  return parts
    .map((part) => w.part(modeName(part.mode), minuteText(part.from_min), minuteText(part.to_min)))
    .join(", ");
}
