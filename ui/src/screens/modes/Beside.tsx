/** Holidays, and presence that sets the mode. */
import { useState } from "preact/hooks";
import type { ModePlanChange as PlanChange } from "../../api/schema";
import { modeName } from "../../ui/modeNames";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { ServerText } from "../../ui/ServerText";
import { modes as words } from "../../strings/modes";
import { modeId } from "./columns";
import { DAYS, dayNames, several } from "./times";

interface Props {
  draft: PlanChange;
  onChange: (draft: PlanChange) => void;
}

export function Dates({ draft, onChange }: Props) {
  const { dates: w } = words;
  const { modes } = draft;
  const rows = Object.entries(modes.exceptions ?? {}).map(([key, meant]) => {
    const [from = "", to] = key.split(" to ");
    return { from, to: to ?? from, meant };
  });
  const put = (next: typeof rows) => {
    const exceptions: Record<string, string> = {};
    for (const { from, to, meant } of next) {
      const key = to && to !== from ? `${from} to ${to}` : from;
      exceptions[key in exceptions ? `${from} to ${from}` : key] = meant; // a date that is typed may pass another's
    }
    onChange({ ...draft, modes: { ...modes, exceptions } });
  };
  const set = (index: number, change: Partial<(typeof rows)[number]>) =>
    put(rows.map((row, n) => (n === index ? { ...row, ...change } : row)));
  /** A single day stays a single day. */
  const move = (index: number, row: (typeof rows)[number], from: string) => set(index, { from, to: row.to === row.from ? from : row.to });
  if (rows.length === 0) return null;
  return (
    <section class="modes-dates" aria-labelledby="dates-title">
      <h3 id="dates-title">{w.title}</h3>
      {rows.map((row, index) => (
        <div key={index} class="modes-date">
          <input
            class="field"
            type="date"
            aria-label={w.from}
            value={row.from}
            onInput={(e) => move(index, row, e.currentTarget.value)}
            onBlur={() => row.to < row.from && set(index, { to: row.from })} // not sooner: months and days are typed one after the other
          />
          <input class="field" type="date" aria-label={w.to} value={row.to} min={row.from} onInput={(e) => set(index, { to: e.currentTarget.value })} />
          <select class="field" aria-label={w.means} value={row.meant} onChange={(e) => set(index, { meant: e.currentTarget.value })}>
            {modes.names.map((mode) => (
              <option key={mode} value={mode}>
                {modeName(mode)}
              </option>
            ))}
            {DAYS.map((day, n) => (
              <option key={day} value={day}>
                {w.like(dayNames("long")[n] ?? day)}
              </option>
            ))}
          </select>
          <button type="button" class="btn ghost sq" aria-label={`${words.week.remove}: ${row.from}`} onClick={() => put(rows.filter((_, n) => n !== index))}>
            <Icon name="x" small />
          </button>
        </div>
      ))}
    </section>
  );
}

const WAYS = ["ping", "mdns", "mac"] as const;
const GRACES: readonly string[] = ["", "1 min", "5 min", "15 min"];

/** Presence sets the mode: who is looked for, and how long it waits. Switches hold at once, typed text is a draft. */
export function AutomaticAway(props: Props & { looksBy: string; onCommit: (change: (plan: PlanChange) => PlanChange, said: string) => void }) {
  const { draft, looksBy, onChange, onCommit } = props;
  const { people: w } = words;
  const presence = draft.modes.presence ?? {};
  const people = presence.people ?? {};
  const isAny = Object.keys(people).length > 0 || [presence.ping, presence.mac, presence.mdns].some((one) => (one ?? []).length > 0);
  const put = (change: Partial<typeof presence>) => onChange(withPresence(draft, change));
  const commit = (change: Partial<typeof presence>) => onCommit((plan) => withPresence(plan, change), words.save.saved);
  const grace = presence.grace ?? "";
  const nobody = modeName(presence.nobody || "away");
  return (
    <section class="card" aria-labelledby="people-title">
      <h2 id="people-title">{w.title(nobody)}</h2>
      {!isAny && <p class="small sub">{w.none}</p>}
      {looksBy && <p class="small modes-wrong"><ServerText text={looksBy} /></p>}
      {isAny && (
        <>
          <label class="modes-setting">
            <span class="grow">
              <b>{w.automatic}</b>
              <span class="small sub">{Object.keys(people).map(modeName).join(", ")}</span>
            </span>
            <input type="checkbox" checked={presence.automatic ?? true} onChange={(event) => commit({ automatic: event.currentTarget.checked })} />
          </label>
          {(presence.automatic ?? true) && (
            <div class="modes-setting">
              <span class="grow">
                <b>{w.grace(nobody)}</b>
                <span class="small sub">{w.graceSub}</span>
              </span>
              <Segmented
                label={w.grace(nobody)}
                value={grace}
                options={[...new Set([...GRACES, grace])].map((value) => ({ value, label: value || w.atOnce }))}
                onChange={(chosen) => commit({ grace: chosen })}
              />
            </div>
          )}
        </>
      )}
      <details class="modes-more" open={!isAny}>
        <summary>{w.phones}</summary>
        <PeopleEditor draft={draft} onChange={onChange} />
        {isAny && (
          <>
            <label class="modes-field small">
              <span>{w.awayAfter}</span>
              <input class="field" value={presence.away_after ?? ""} placeholder={w.awayAfterHint} onInput={(e) => put({ away_after: e.currentTarget.value })} />
            </label>
            {(["nobody", "back"] as const).map((which) => (
              <label key={which} class="modes-field small">
                <span>{w[which]}</span>
                <select class="field" value={presence[which] || (which === "nobody" ? "away" : "home")} onChange={(e) => put({ [which]: e.currentTarget.value })}>
                  {draft.modes.names.map((mode) => (
                    <option key={mode} value={mode}>
                      {modeName(mode)}
                    </option>
                  ))}
                </select>
              </label>
            ))}
          </>
        )}
      </details>
    </section>
  );
}

function withPresence(plan: PlanChange, change: object): PlanChange {
  return { ...plan, modes: { ...plan.modes, presence: { ...plan.modes.presence, ...change } } };
}

function PeopleEditor({ draft, onChange }: Props) {
  const { people: w } = words;
  const people = draft.modes.presence?.people ?? {};
  const [name, setName] = useState("");
  const put = (next: typeof people) => onChange(withPresence(draft, { people: next }));
  const key = modeId(name);
  return (
    <>
      {Object.entries(people).map(([person, one]) => (
        <div key={person} class="modes-person" role="group" aria-label={modeName(person)}>
          <div class="row">
            <h3 class="grow">{modeName(person)}</h3>
            <button
              type="button"
              class="btn ghost sq"
              aria-label={`${words.week.remove}: ${modeName(person)}`}
              onClick={() => {
                const { [person]: _, ...others } = people;
                put(others);
              }}
            >
              <Icon name="x" small />
            </button>
          </div>
          {WAYS.map((way) => (
            <label key={way} class="modes-field small">
              <span>{w[way]}</span>
              <Several list={one[way] ?? []} hint={w.several} onChange={(list) => put({ ...people, [person]: { ...one, [way]: list } })} />
            </label>
          ))}
        </div>
      ))}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (!key) return;
          put({ ...people, [key]: {} });
          setName("");
        }}
      >
        <input class="field grow" aria-label={w.name} placeholder={w.name} maxLength={40} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        <button type="submit" class="btn" disabled={!key || key in people}>
          {w.add}
        </button>
      </form>
    </>
  );
}

/** A list with commas between, kept as it is typed. */
export function Several(props: { list: readonly string[]; hint?: string; label?: string; onChange: (list: string[]) => void }) {
  const { list, hint = "", label, onChange } = props;
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <input
      class="field"
      aria-label={label}
      title={hint}
      placeholder={hint}
      value={typed ?? list.join(", ")}
      spellcheck={false}
      autocapitalize="off"
      onInput={(event) => {
        setTyped(event.currentTarget.value);
        onChange(several(event.currentTarget.value));
      }}
      onBlur={() => setTyped(null)}
    />
  );
}
