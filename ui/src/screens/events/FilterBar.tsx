import type { Kind } from "../../api/types";
import { cameras } from "../../api/state";
import { date, dayBounds, daysAgo } from "../../ui/times";
import { plural, t } from "../../strings";
import { levels as levelWords } from "../../strings/levels";
import { DayPicker } from "../../ui/DayPicker";
import { Drop } from "../../ui/Drop";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import { Segmented } from "../../ui/Segmented";
import type { Visits } from "./Visits";
import { type Filters, LEVELS, flip, isUsual, usualLevels } from "./filters";

const words = t.events;
const tabs = [
  { value: "new", label: words.new },
  { value: "kept", label: words.keptTab },
  { value: "all", label: words.allTab },
] as const;

export function FilterBar(props: { filters: Filters; kinds: readonly Kind[]; visits: Visits; onChange: (filters: Filters) => void }) {
  const { filters, onChange } = props;
  const some = filters.cameras.length > 0 || filters.kinds.length > 0 || filters.day !== null || !isUsual(filters);
  return (
    <div class="filters" role="group" aria-label={words.filters}>
      <Segmented
        label={words.which}
        value={filters.only}
        options={tabs}
        onChange={(only) => onChange({ ...filters, only, levels: usualLevels(only) })}
      />
      {LEVELS.map((level) => {
        const on = filters.levels.includes(level);
        const levels = LEVELS.filter((each) => (each === level ? !on : filters.levels.includes(each)));
        return (
          <button
            key={level}
            type="button"
            class={`chip${on ? " on" : ""}`}
            aria-pressed={on}
            title={levelWords[level].title}
            onClick={() => onChange({ ...filters, levels })}
          >
            {levelWords[level].name}
          </button>
        );
      })}
      <button
        type="button"
        class={`chip${props.visits.on ? " on" : ""}`}
        aria-pressed={props.visits.on}
        title={levelWords.visitsTitle}
        onClick={props.visits.turn}
      >
        {levelWords.visits}
      </button>
      <a class="chip" href="/find">
        <Icon name="search" small />
        {words.find}
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
      {some && (
        <button
          type="button"
          class="chip"
          aria-label={words.clear}
          title={words.clear}
          onClick={() => onChange({ only: filters.only, cameras: [], kinds: [], levels: usualLevels(filters.only), day: null })}
        >
          <Icon name="x" small />
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
