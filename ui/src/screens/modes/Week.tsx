/** When each mode is on: a row a time, and the next seven days drawn as they will be. */
import { useState } from "preact/hooks";
import type { ModePlanChange as PlanChange, ModeWeekInfo as WeekInfo } from "../../api/schema";
import { modeIcon, modeName } from "../../ui/modeNames";
import { Icon } from "../../ui/Icon";
import { painted } from "./paint";
import { modes as words } from "../../strings/modes";
import { type Stretch, stretchOf, stretchText } from "./times";
import { WeekDrawn } from "./WeekDrawn";

const { week: w } = words;
const MOST_MODES = 8;

interface Props {
  draft: PlanChange;
  week: WeekInfo | null;
  onChange: (draft: PlanChange) => void;
}

export function Week({ draft, week, onChange }: Props) {
  const { modes } = draft;
  const put = (change: Partial<PlanChange["modes"]>) => onChange({ ...draft, modes: { ...modes, ...change } });
  const setTimes = (mode: string, times: readonly string[]) => {
    const { [mode]: _, ...others } = modes.schedule ?? {};
    put({ schedule: times.length > 0 ? { ...others, [mode]: [...times] } : others });
  };
  const needsSun = JSON.stringify([modes.schedule, draft.rules]).includes("sun");
  return (
    <section class="card" aria-labelledby="week-title">
      <h2 id="week-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      {week && (
        <WeekDrawn
          week={week}
          modes={modes.names}
          onPaint={(...part) => put({ schedule: painted(modes.schedule ?? {}, modes.names, ...part) })}
        />
      )}
      {modes.names.map((mode, index) => (
        <div key={mode} class="week-mode" role="group" aria-label={modeName(mode)}>
          <div class="row">
            <i class={`week-swatch week-${index}`} aria-hidden="true" />
            <Icon name={modeIcon(mode)} small />
            <h3 class="grow">{modeName(mode)}</h3>
            {index > 0 && (
              <button
                type="button"
                class="btn ghost sq"
                aria-label={w.removeMode(modeName(mode))}
                onClick={() => put({ names: modes.names.filter((one) => one !== mode), schedule: without(modes.schedule, mode) })}
              >
                <Icon name="trash-2" small />
              </button>
            )}
          </div>
          {index === 0 && !(modes.schedule ?? {})[mode]?.length && <p class="small muted">{w.always}</p>}
          <Times mode={mode} times={(modes.schedule ?? {})[mode] ?? []} onChange={(times) => setTimes(mode, times)} />
        </div>
      ))}
      {modes.names.length < MOST_MODES && <NewMode onAdd={(mode) => put({ names: [...modes.names, mode] })} />}
      {needsSun && <Place place={modes.location ?? []} onChange={(location) => put({ location })} />}
    </section>
  );
}

function without(schedule: PlanChange["modes"]["schedule"], mode: string): Record<string, string[]> {
  const { [mode]: _, ...others } = schedule ?? {};
  return others;
}

function Times(props: { mode: string; times: readonly string[]; onChange: (times: string[]) => void }) {
  const { mode, times, onChange } = props;
  const put = (index: number, text: string) => onChange(times.map((one, n) => (n === index ? text : one)));
  return (
    <>
      {times.map((text, index) => (
        <div key={index} class="week-time row wrap">
          <One text={text} label={`${modeName(mode)} ${index + 1}`} onChange={(changed) => put(index, changed)} />
          <button
            type="button"
            class="btn ghost sq"
            aria-label={`${w.remove}: ${text}`}
            onClick={() => onChange(times.filter((_, n) => n !== index))}
          >
            <Icon name="x" small />
          </button>
        </div>
      ))}
      <button type="button" class="btn ghost week-add" onClick={() => onChange([...times, "22:00-06:00"])}>
        <Icon name="plus" small />
        {w.add}
        <span class="hidden"> {modeName(mode)}</span>
      </button>
    </>
  );
}

function One({ text, label, onChange }: { text: string; label: string; onChange: (text: string) => void }) {
  // What is being typed may not be a time yet; then it stays as it stands, in one field.
  const [typed, setTyped] = useState<Stretch | null>(null);
  const read = stretchOf(text);
  const now = typed ?? read;
  if (!now)
    return <input class="field grow" aria-label={label} value={text} onInput={(e) => onChange(e.currentTarget.value)} />;
  const put = (change: Partial<Stretch>) => {
    const next = { ...now, ...change };
    setTyped(next);
    onChange(stretchText(next));
  };
  const all = now.days.length === 0;
  return (
    <>
      <span class="week-days" role="group" aria-label={label}>
        {w.days.map((name, day) => {
          const on = all || now.days.includes(day);
          const days = all ? [0, 1, 2, 3, 4, 5, 6] : [...now.days];
          return (
            <button
              key={name}
              type="button"
              class={on ? "on" : ""}
              aria-pressed={on}
              title={w.dayNames[day]}
              onClick={() => {
                const next = on ? days.filter((one) => one !== day) : [...days, day];
                if (next.length > 0) put({ days: next.length === 7 ? [] : next });
              }}
            >
              {name}
            </button>
          );
        })}
      </span>
      <span class="row week-from">
        <input
          class="field week-moment"
          aria-label={`${label}: ${w.from}`}
          title={w.times}
          value={now.from}
          onInput={(e) => put({ from: e.currentTarget.value.trim() })}
        />
        {w.to}
        <input
          class="field week-moment"
          aria-label={`${label}: ${w.to}`}
          title={w.times}
          value={now.to}
          onInput={(e) => put({ to: e.currentTarget.value.trim() })}
        />
      </span>
    </>
  );
}

function NewMode({ onAdd }: { onAdd: (mode: string) => void }) {
  const [name, setName] = useState("");
  const mode = name.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  return (
    <form
      class="row week-new"
      onSubmit={(event) => {
        event.preventDefault();
        if (!mode) return;
        onAdd(mode);
        setName("");
      }}
    >
      <input
        class="field"
        aria-label={w.newMode}
        placeholder={w.newMode}
        maxLength={20}
        value={name}
        onInput={(e) => setName(e.currentTarget.value)}
      />
      <button type="submit" class="btn" disabled={!mode}>
        {w.addMode}
      </button>
    </form>
  );
}

function Place({ place, onChange }: { place: readonly number[]; onChange: (place: number[]) => void }) {
  const put = (index: number, text: string) => {
    const next = [place[0] ?? 0, place[1] ?? 0];
    next[index] = Number(text) || 0;
    onChange(next);
  };
  return (
    <div class="week-place row wrap">
      <p class="grow small sub">
        <b>{w.place}</b> {w.placeSub}
      </p>
      {[w.latitude, w.longitude].map((label, index) => (
        <input
          key={label}
          class="field week-moment"
          type="number"
          step="0.01"
          aria-label={label}
          placeholder={label}
          value={place[index] ?? ""}
          onInput={(e) => put(index, e.currentTarget.value)}
        />
      ))}
    </div>
  );
}
