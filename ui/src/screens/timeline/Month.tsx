import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get } from "../../api/client";
import { serverNow } from "../../api/state";
import type { DayInfo } from "../../api/types";
import { length } from "../../app/times";
import { plural, t } from "../../strings.en";
import { dayName } from "../../timeline/format";
import type { Zone } from "../../timeline/zone";
import { Icon } from "../../ui/Icon";
import type { TimelineModel } from "./model";
import { recorderZone } from "./wallclock";
import "./month.css";

const words = t.timeline.days;
const CELLS = 42;

interface Month {
  year: number;
  month: number;
}

/** A month as six weeks of buttons: a dot where there is video, an amber one where some of that day is missing. */
export default function MonthGrid({ model, onDone }: { model: TimelineModel; onDone: () => void }) {
  const zone = recorderZone.value;
  const shown = useSignal<Month>(monthOf(zone, model.day.value.begin_ms));
  const month = shown.value;
  const infos = useSignal<ReadonlyMap<number, DayInfo>>(new Map());
  const grid = useRef<HTMLDivElement>(null);
  const begins = cells(zone, month);
  const [first, last] = [begins[0] ?? 0, begins[CELLS] ?? 0];
  const camera = model.chosen.value[0];
  useEffect(() => {
    const request = new AbortController();
    get<{ days: DayInfo[] }>("/days", { camera, from_ms: first, to_ms: Math.min(last, Math.round(serverNow())) }, request.signal).then(
      ({ days }) => {
        infos.value = new Map(days.map((day) => [day.begin_ms, day]));
      },
      () => {
        // The days can be chosen without their dots.
      },
    );
    return () => request.abort();
  }, [first, camera]);
  useEffect(() => {
    grid.current?.querySelector<HTMLElement>('[aria-current="date"], [tabindex="0"]')?.focus();
  }, []);

  const now_ms = serverNow();
  const chosen = model.day.value.begin_ms;
  const shift = (by: number) => {
    const at = new Date(Date.UTC(month.year, month.month - 1 + by, 1));
    shown.value = { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1 };
  };
  const later = new Date(Date.UTC(month.year, month.month, 1)).getTime() > now_ms + 86_400_000;
  return (
    <>
      <header class="row between">
        <button type="button" class="btn ghost sq" aria-label={words.earlier} onClick={() => shift(-1)}>
          <Icon name="chevron-left" />
        </button>
        <b>{monthName(month)}</b>
        <button type="button" class="btn ghost sq" aria-label={words.later} disabled={later} onClick={() => shift(1)}>
          <Icon name="chevron-right" />
        </button>
      </header>
      <div class="daygrid" ref={grid} onKeyDown={(event) => moveInGrid(event, grid.current)}>
        {weekdays().map((name) => (
          <span key={name} class="tiny muted" aria-hidden="true">
            {name}
          </span>
        ))}
        {begins.slice(0, CELLS).map((begin_ms) => {
          const info = infos.value.get(begin_ms);
          const local = zone.local(begin_ms);
          const has = (info?.recorded_s ?? 0) > 0;
          return (
            <button
              key={begin_ms}
              type="button"
              class={`${local.month === month.month ? "" : "other "}${begin_ms === chosen ? "on" : ""}`}
              aria-current={begin_ms === chosen ? "date" : undefined}
              tabIndex={begin_ms === chosen ? 0 : -1}
              disabled={begin_ms > now_ms}
              data-day={begin_ms}
              data-has={has ? "video" : "nothing"}
              data-gaps={info?.gaps ?? 0}
              aria-label={`${dayName(zone, begin_ms, "long")}, ${wordsOf(info)}`}
              onClick={() => {
                model.goToDay(begin_ms);
                onDone();
              }}
            >
              <span class="num">{local.day}</span>
              <i class={`${has ? "has" : ""}${has && info && info.gaps > 0 ? " gap" : ""}`} />
            </button>
          );
        })}
      </div>
      <footer class="row tiny muted">
        <i class="has" /> {words.legendVideo} <i class="has gap" /> {words.legendGap}
      </footer>
    </>
  );
}

const wordsOf = (info: DayInfo | undefined): string => {
  if (!info || info.recorded_s <= 0) return words.nothing;
  const gaps = info.gaps > 0 ? `, ${plural(info.gaps, words.withGaps)}` : "";
  return `${length(info.recorded_s * 1000)} ${words.recorded}${gaps}`;
};

const monthOf = (zone: Zone, at_ms: number): Month => {
  const { year, month } = zone.local(at_ms);
  return { year, month };
};

/** Local midnights from the Monday before the first of the month: 43 of them, the last is an end. */
function cells(zone: Zone, { year, month }: Month): number[] {
  const weekday = (new Date(Date.UTC(year, month - 1, 1)).getUTCDay() + 6) % 7;
  return Array.from({ length: CELLS + 1 }, (_, i) => {
    const at = new Date(Date.UTC(year, month - 1, 1 - weekday + i));
    return zone.midnight(at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate());
  });
}

function monthName({ year, month }: Month): string {
  return new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" }).format(Date.UTC(year, month - 1, 1));
}

function weekdays(): string[] {
  const format = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });
  return Array.from({ length: 7 }, (_, i) => format.format(Date.UTC(2024, 0, 1 + i)));
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
