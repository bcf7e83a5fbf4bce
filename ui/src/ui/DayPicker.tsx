import { useEffect, useState } from "preact/hooks";
import { dayKey } from "../app/times";
import { serverNow } from "../api/state";
import { t } from "../strings.en";
import { Icon } from "./Icon";
import "./day-picker.css";

interface Month {
  year: number;
  /** 1 to 12. */
  month: number;
}

/** The days of a month as rows of seven `2026-11-20`, beginning on Monday; null where the month has none. */
export function weeks({ year, month }: Month): (string | null)[] {
  const first = new Date(Date.UTC(year, month - 1, 1));
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const before = (first.getUTCDay() + 6) % 7;
  const named = Array.from({ length: days }, (_, index) => key(year, month, index + 1));
  return [...Array.from({ length: before }, () => null), ...named];
}

function key(year: number, month: number, day: number): string {
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

function monthOf(day: string): Month {
  const [year = 1970, month = 1] = day.split("-").map(Number);
  return { year, month };
}

/** A month of buttons. Days to come cannot be chosen. */
export function DayPicker(props: { value: string | null; onPick: (day: string) => void }) {
  const today = dayKey(serverNow());
  const [shown, setShown] = useState<Month>(monthOf(props.value ?? today));
  useEffect(() => {
    if (props.value) setShown(monthOf(props.value));
  }, [props.value]);
  const first = key(shown.year, shown.month, 1);

  const turn = (by: number) => {
    const moved = new Date(Date.UTC(shown.year, shown.month - 1 + by, 1));
    setShown({ year: moved.getUTCFullYear(), month: moved.getUTCMonth() + 1 });
  };
  const format = (options: Intl.DateTimeFormatOptions, day: string) =>
    new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" }).format(Date.parse(day));
  const words = t.events.days;
  return (
    <div class="days">
      <div class="row between">
        <button type="button" class="btn ghost sq" aria-label={words.previous} onClick={() => turn(-1)}>
          <Icon name="chevron-left" />
        </button>
        <b aria-live="polite">{format({ month: "long", year: "numeric" }, first)}</b>
        <button
          type="button"
          class="btn ghost sq"
          aria-label={words.next}
          disabled={first.slice(0, 7) >= today.slice(0, 7)}
          onClick={() => turn(1)}
        >
          <Icon name="chevron-right" />
        </button>
      </div>
      <div class="days-grid" aria-hidden="true">
        {Array.from({ length: 7 }, (_, index) => (
          <span key={index} class="tiny muted">
            {format({ weekday: "narrow" }, key(2024, 1, index + 1))}
          </span>
        ))}
      </div>
      <div class="days-grid">
        {weeks(shown).map((day, index) => {
          if (!day) return <span key={`empty${index}`} />;
          return (
            <button
              key={day}
              type="button"
              class={`${day === props.value ? "on" : ""}${day === today ? " is-today" : ""}`}
              aria-label={format({ weekday: "long", day: "numeric", month: "long" }, day)}
              aria-pressed={day === props.value}
              disabled={day > today}
              onClick={() => props.onPick(day)}
            >
              {Number(day.slice(8))}
            </button>
          );
        })}
      </div>
    </div>
  );
}
