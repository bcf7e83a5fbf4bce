import { useEffect, useRef, useState } from "preact/hooks";
import { dayKey, length } from "./times";
import { serverNow } from "../api/state";
import { plural, t } from "../strings";
import { locale } from "../strings/language";
import { Icon } from "./Icon";
import "./day-picker.css";

const words = t.days;
const CELLS = 42;

/** What is known of a day. */
export interface DayMark {
  recorded_s: number;
  gaps: number;
}

interface Month {
  year: number;
  /** 1 to 12. */
  month: number;
}

/** Six weeks as `2026-11-20`, from the Monday on or before the first of the month. */
export function sixWeeks({ year, month }: Month): string[] {
  const before = (new Date(Date.UTC(year, month - 1, 1)).getUTCDay() + 6) % 7;
  return Array.from({ length: CELLS }, (_, index) => isoDay(Date.UTC(year, month - 1, 1 - before + index)));
}

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function monthOf(day: string): Month {
  const [year = 1970, month = 1] = day.split("-").map(Number);
  return { year, month };
}

function named(options: Intl.DateTimeFormatOptions, day: string): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(Date.parse(day));
}

/**
 * A month as six weeks of buttons; days to come cannot be chosen. With `marks`: a dot where there is video, an amber
 * one where some of that day is missing. `onShow` is told the days that came into sight.
 */
export function DayPicker(props: {
  value: string | null;
  onPick: (day: string) => void;
  marks?: ReadonlyMap<string, DayMark>;
  onShow?: (first: string, last: string) => void;
}) {
  const { value, marks, onShow } = props;
  const today = dayKey(serverNow());
  const [shown, setShown] = useState<Month>(monthOf(value ?? today));
  const grid = useRef<HTMLDivElement>(null);
  const days = sixWeeks(shown);
  const [first = today] = days;
  const last = days[CELLS - 1] ?? today;
  useEffect(() => {
    if (value) setShown(monthOf(value));
  }, [value]);
  useEffect(() => onShow?.(first, last), [first, last]);

  const turn = (by: number) => setShown(monthOf(isoDay(Date.UTC(shown.year, shown.month - 1 + by, 1))));
  const month = isoDay(Date.UTC(shown.year, shown.month - 1, 1));
  const reached = days.includes(value ?? today) ? (value ?? today) : month;
  return (
    <div class="month">
      <header class="row between">
        <button type="button" class="btn ghost sq" aria-label={words.earlier} onClick={() => turn(-1)}>
          <Icon name="chevron-left" />
        </button>
        <b aria-live="polite">{named({ month: "long", year: "numeric" }, month)}</b>
        <button
          type="button"
          class="btn ghost sq"
          aria-label={words.later}
          disabled={month.slice(0, 7) >= today.slice(0, 7)}
          onClick={() => turn(1)}
        >
          <Icon name="chevron-right" />
        </button>
      </header>
      <div class="month-grid" ref={grid} onKeyDown={(event) => moveInGrid(event, grid.current)}>
        {days.slice(0, 7).map((day) => (
          <span key={day} class="tiny muted" aria-hidden="true">
            {named({ weekday: "short" }, day)}
          </span>
        ))}
        {days.map((day) => {
          const mark = marks?.get(day);
          const has = (mark?.recorded_s ?? 0) > 0;
          const about = marks ? `, ${wordsOf(mark)}` : "";
          return (
            <button
              key={day}
              type="button"
              class={`${day.startsWith(month.slice(0, 7)) ? "" : "other "}${day === value ? "on " : ""}${day === today ? "is-today" : ""}`}
              aria-current={day === value ? "date" : undefined}
              aria-label={`${named({ weekday: "long", day: "numeric", month: "long", year: "numeric" }, day)}${about}`}
              tabIndex={day === reached ? 0 : -1}
              disabled={day > today}
              data-day={day}
              data-has={has ? "video" : "nothing"}
              data-gaps={mark?.gaps ?? 0}
              onClick={() => props.onPick(day)}
            >
              <span class="num">{Number(day.slice(8))}</span>
              {has && <i class={`has${mark && mark.gaps > 0 ? " gap" : ""}`} />}
            </button>
          );
        })}
      </div>
      {marks && (
        <footer class="row tiny muted">
          <i class="has" /> {words.legendVideo} <i class="has gap" /> {words.legendGap}
        </footer>
      )}
    </div>
  );
}

function wordsOf(mark: DayMark | undefined): string {
  if (!mark || mark.recorded_s <= 0) return words.nothing;
  const gaps = mark.gaps > 0 ? `, ${plural(mark.gaps, words.withGaps)}` : "";
  return `${length(mark.recorded_s * 1000)} ${words.recorded}${gaps}`;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

function moveInGrid(event: KeyboardEvent, grid: HTMLElement | null): void {
  const by = STEPS[event.key];
  if (by === undefined || !grid) return;
  const all = [...grid.querySelectorAll<HTMLButtonElement>("button")];
  const to = all[all.indexOf(document.activeElement as HTMLButtonElement) + by];
  event.preventDefault();
  event.stopPropagation();
  if (to && !to.disabled) to.focus();
}
