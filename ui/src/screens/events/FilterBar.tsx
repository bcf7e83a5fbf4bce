import type { Kind } from "../../api/types";
import { cameras } from "../../api/state";
import { date, dayBounds, daysAgo } from "../../ui/times";
import { plural, t } from "../../strings";
import { events as words } from "../../strings/events";
import { DayPicker } from "../../ui/DayPicker";
import { Drop } from "../../ui/Drop";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import { Segmented } from "../../ui/Segmented";
import { type Filters, flip, isNarrowed } from "./filters";

const tabs = [
  { value: "new", label: words.new },
  { value: "kept", label: words.keptTab },
  { value: "all", label: words.allTab },
] as const;

export function FilterBar(props: { filters: Filters; kinds: readonly Kind[]; onChange: (filters: Filters) => void; onMarkAll: (() => void) | null }) {
  const { filters, onChange } = props;
  return (
    <div class="filters" role="group" aria-label={words.filters}>
      <Segmented
        label={words.which}
        value={filters.only}
        options={tabs}
        onChange={(only) => onChange({ ...filters, only })}
      />
      {/* Before cameras and kinds: they come later, and would move it away from under a finger. */}
      <a class="chip" href="/find">
        <Icon name="search" small />
        {t.nav.find}
      </a>
      {cameras.value.length > 1 && (
        <Drop id="filter-cameras" label={camerasWords(filters.cameras)} on={filters.cameras.length > 0}>
          {() =>
            cameras.value.map((camera) => (
              <label key={camera.id} class="drop-item">
                <input
                  type="checkbox"
                  checked={filters.cameras.includes(camera.id)}
                  onChange={() => onChange({ ...filters, cameras: flip(filters.cameras, camera.id) })}
                />
                {camera.name}
              </label>
            ))
          }
        </Drop>
      )}
      <Drop id="filter-day" label={dayWords(filters.day)} on={filters.day !== null}>
        {(close) => (
          <>
            <DayPicker
              value={filters.day}
              onPick={(day) => {
                close();
                onChange({ ...filters, day });
              }}
            />
            {filters.day && (
              <button
                type="button"
                class="btn ghost filter-any"
                onClick={() => {
                  close();
                  onChange({ ...filters, day: null });
                }}
              >
                {words.anyDay}
              </button>
            )}
          </>
        )}
      </Drop>
      {props.kinds.map((kind) => {
        const on = filters.kinds.includes(kind);
        return (
          <button
            key={kind}
            type="button"
            class={`chip${on ? " on" : ""}`}
            aria-pressed={on}
            onClick={() => onChange({ ...filters, kinds: flip(filters.kinds, kind) })}
          >
            <Icon name={kindIcon(kind)} small />
            {t.kinds[kind].many}
          </button>
        );
      })}
      {isNarrowed(filters) && (
        <button
          type="button"
          class="chip"
          aria-label={words.clear}
          title={words.clear}
          onClick={() => onChange({ ...filters, cameras: [], kinds: [], day: null })}
        >
          <Icon name="x" small />
        </button>
      )}
      {props.onMarkAll && (
        <button type="button" class="btn ghost only-phone" onClick={props.onMarkAll}>
          <Icon name="check" small />
          {words.markAll}
        </button>
      )}
    </div>
  );
}

function camerasWords(chosen: readonly string[]): string {
  if (chosen.length === 0) return words.allCameras;
  const [first] = chosen;
  if (chosen.length === 1) return cameras.value.find((camera) => camera.id === first)?.name ?? words.cameras;
  return plural(chosen.length, words.someCameras);
}

function dayWords(day: string | null): string {
  if (!day) return words.anyDay;
  const { begin_ms } = dayBounds(day);
  const ago = daysAgo(begin_ms);
  return ago === 0 ? t.times.today : ago === 1 ? t.times.yesterday : date(begin_ms);
}
