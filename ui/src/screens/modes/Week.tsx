/** When each mode is on: a row a time, and the next seven days drawn as they will be. */
import { useState } from "preact/hooks";
import type { ModePlanChange as PlanChange, ModeWeekInfo as WeekInfo } from "../../api/schema";
import { modeIcon, modeName } from "../../ui/modeNames";
import { Icon } from "../../ui/Icon";
import { painted } from "./paint";
import { modes as words } from "../../strings/modes";
import { Dates } from "./Beside";
import { Panel } from "./Panel";
import { dayNames, type Stretch, stretchOf, stretchText, weekdays } from "./times";
import { WeekDrawn } from "./WeekDrawn";

const { week: w } = words;

interface Props {
  draft: PlanChange;
  week: WeekInfo | null;
  onChange: (draft: PlanChange) => void;
  /** Holds at once, and offers Undo. */
  onCommit: (change: (plan: PlanChange) => PlanChange, said: string) => void;
}

export function Week({ draft, week, onChange, onCommit }: Props) {
  const { modes } = draft;
  const [copying, setCopying] = useState<HTMLElement | null>(null);
  const put = (change: Partial<PlanChange["modes"]>) => onChange({ ...draft, modes: { ...modes, ...change } });
  const setTimes = (mode: string, times: readonly string[]) => {
    const { [mode]: _, ...others } = modes.schedule ?? {};
    put({ schedule: times.length > 0 ? { ...modes.schedule, [mode]: [...times] } : others });
  };
  const paint = (parts: readonly [mode: string, day: number, from: number, to: number][]) =>
    onCommit(
      (plan) => ({
        ...plan,
        modes: { ...plan.modes, schedule: parts.reduce((now, part) => painted(now, plan.modes.names, ...part), plan.modes.schedule ?? {}) },
      }),
      w.changed,
    );
  const needsSun = JSON.stringify([modes.schedule, draft.rules]).includes("sun");
  const today = week?.days[0]?.date ?? new Date().toISOString().slice(0, 10);
  const isException = (date: string) => isIn(date, modes.exceptions ?? {});
  // A holiday is not what its weekday is: it is not copied.
  const copied = week?.days.filter((day) => !isException(day.date)).map((day) => day.weekday) ?? [];
  return (
    <section class="card" aria-labelledby="week-title">
      <div class="row wrap between">
        <h2 id="week-title">{w.title}</h2>
        <span class="row wrap">
          <button type="button" class="btn ghost" disabled={copied.length === 0} onClick={(event) => setCopying(event.currentTarget)}>
            <Icon name="copy" small />
            {w.copy}
          </button>
          <button
            type="button"
            class="btn ghost"
            onClick={() => put({ exceptions: { ...modes.exceptions, [freeDay(today, modes.exceptions ?? {})]: modes.names[1] ?? modes.names[0] ?? "" } })}
          >
            <Icon name="plus" small />
            {w.holiday}
          </button>
        </span>
      </div>
      {week && <WeekDrawn week={week} modes={modes.names} isException={isException} onPaint={(...part) => paint([part])} />}
      {copying && week && (
        <CopyDay
          anchor={copying}
          days={copied}
          onClose={() => setCopying(null)}
          onCopy={(from, to) => {
            const parts = week.days.find((day) => day.weekday === from)?.parts ?? [];
            paint(to.flatMap((day) => parts.map((part): [string, number, number, number] => [part.mode, day, part.from_min, part.to_min])));
          }}
        />
      )}
      <Dates draft={draft} onChange={onChange} />
      <details class="modes-more">
        <summary>{w.exact}</summary>
        <p class="small sub">{w.sub}</p>
        {modes.names.map((mode, index) => (
          <div key={mode} class="week-mode" role="group" aria-label={modeName(mode)}>
            <div class="row">
              <i class={`week-swatch week-${index}`} aria-hidden="true" />
              <Icon name={modeIcon(mode)} small />
              <h3 class="grow">{modeName(mode)}</h3>
            </div>
            {index === 0 && !(modes.schedule ?? {})[mode]?.length && <p class="small sub">{w.always}</p>}
            <Times mode={mode} times={(modes.schedule ?? {})[mode] ?? []} onChange={(times) => setTimes(mode, times)} />
          </div>
        ))}
        {needsSun && <Place place={modes.location ?? []} onChange={(location) => put({ location })} />}
      </details>
    </section>
  );
}

function isIn(date: string, exceptions: Record<string, string>): boolean {
  return Object.keys(exceptions).some((key) => {
    const [from = "", to = from] = key.split(" to ");
    return from <= date && date <= to;
  });
}

/** From today on the first day that is no exception yet. */
export function freeDay(today: string, exceptions: Record<string, string>): string {
  const at = new Date(`${today}T00:00:00Z`);
  while (isIn(at.toISOString().slice(0, 10), exceptions)) at.setUTCDate(at.getUTCDate() + 1);
  return at.toISOString().slice(0, 10);
}

/** days: which weekdays can be copied from. */
function CopyDay(props: { anchor: HTMLElement; days: readonly number[]; onCopy: (from: number, to: number[]) => void; onClose: () => void }) {
  const [from, setFrom] = useState(weekdays().find((day) => props.days.includes(day)) ?? 0);
  const [to, setTo] = useState<number[]>([]);
  const [short, long] = [dayNames("short"), dayNames("long")];
  return (
    <Panel title={w.copy} anchor={props.anchor} onClose={props.onClose}>
      <select class="field" aria-label={w.copyFrom} value={from} onChange={(event) => setFrom(Number(event.currentTarget.value))}>
        {weekdays().map((day) => (
          <option key={day} value={day} disabled={!props.days.includes(day)}>
            {long[day]}
          </option>
        ))}
      </select>
      <p class="small sub">{w.copyTo}</p>
      <span class="week-days" role="group" aria-label={w.copyTo}>
        {weekdays().map((day) => (
          <button
            key={day}
            type="button"
            class={to.includes(day) ? "on" : ""}
            aria-pressed={to.includes(day)}
            aria-label={long[day]}
            disabled={day === from}
            onClick={() => setTo(to.includes(day) ? to.filter((one) => one !== day) : [...to, day])}
          >
            {short[day]}
          </button>
        ))}
      </span>
      <button
        type="button"
        class="btn pri"
        disabled={to.length === 0}
        onClick={() => {
          props.onClose();
          props.onCopy(from, to.filter((day) => day !== from));
        }}
      >
        {w.copyDo}
      </button>
    </Panel>
  );
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
            onClick={({ currentTarget }) => {
              const next = currentTarget.parentElement?.nextElementSibling;
              if (next instanceof HTMLButtonElement) next.focus(); // that row goes; else the next time moves up to it
              onChange(times.filter((_, n) => n !== index));
            }}
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
  // What is being typed may not be a time yet; then it stays as it stands, in its field, until the plan has another text.
  const [typed, setTyped] = useState<Stretch | null>(null);
  const now = typed && stretchText(typed) === text ? typed : stretchOf(text);
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
        {weekdays().map((day) => {
          const name = dayNames("short")[day] ?? "";
          const on = all || now.days.includes(day);
          const days = all ? [0, 1, 2, 3, 4, 5, 6] : [...now.days];
          return (
            <button
              key={name}
              type="button"
              class={on ? "on" : ""}
              aria-pressed={on}
              title={dayNames("long")[day]}
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
