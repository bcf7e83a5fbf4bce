/** Days that are otherwise, and who is looked for at home. */
import { useState } from "preact/hooks";
import type { ModePlanChange as PlanChange } from "../../api/schema";
import { modeName } from "../../ui/modeNames";
import { Icon } from "../../ui/Icon";
import { modes as words } from "../../strings/modes";
import { DAYS, several } from "./times";

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
    const exceptions = Object.fromEntries(
      next.map(({ from, to, meant }) => [to && to !== from ? `${from} to ${to}` : from, meant]),
    );
    onChange({ ...draft, modes: { ...modes, exceptions } });
  };
  const set = (index: number, change: Partial<(typeof rows)[number]>) =>
    put(rows.map((row, n) => (n === index ? { ...row, ...change } : row)));
  const today = new Date().toISOString().slice(0, 10);
  return (
    <section class="card" aria-labelledby="dates-title">
      <h2 id="dates-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      {rows.map((row, index) => (
        <div key={index} class="modes-date">
          <input class="field" type="date" aria-label={w.from} value={row.from} onInput={(e) => set(index, { from: e.currentTarget.value })} />
          <input class="field" type="date" aria-label={w.to} value={row.to} min={row.from} onInput={(e) => set(index, { to: e.currentTarget.value })} />
          <select class="field" aria-label={w.means} value={row.meant} onChange={(e) => set(index, { meant: e.currentTarget.value })}>
            {modes.names.map((mode) => (
              <option key={mode} value={mode}>
                {modeName(mode)}
              </option>
            ))}
            {DAYS.map((day, n) => (
              <option key={day} value={day}>
                {w.like(words.week.dayNames[n] ?? day)}
              </option>
            ))}
          </select>
          <button type="button" class="btn ghost sq" aria-label={`${words.week.remove}: ${row.from}`} onClick={() => put(rows.filter((_, n) => n !== index))}>
            <Icon name="x" small />
          </button>
        </div>
      ))}
      <button type="button" class="btn ghost week-add" onClick={() => put([...rows, { from: today, to: today, meant: modes.names.at(-1) ?? "home" }])}>
        <Icon name="plus" small />
        {w.add}
      </button>
    </section>
  );
}

const WAYS = ["ping", "mdns", "mac"] as const;

export function People({ draft, looksBy, onChange }: Props & { looksBy: string }) {
  const { people: w } = words;
  const presence = draft.modes.presence ?? {};
  const people = presence.people ?? {};
  const [name, setName] = useState("");
  const put = (change: Partial<typeof presence>) =>
    onChange({ ...draft, modes: { ...draft.modes, presence: { ...presence, ...change } } });
  const key = name.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  const isAny = Object.keys(people).length > 0 || (presence.ping ?? []).length > 0;
  return (
    <section class="card" aria-labelledby="people-title">
      <h2 id="people-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      {looksBy && <p class="small modes-wrong">{looksBy}</p>}
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
                put({ people: others });
              }}
            >
              <Icon name="x" small />
            </button>
          </div>
          {WAYS.map((way) => (
            <label key={way} class="modes-field small">
              <span>{w[way]}</span>
              <Several
                list={one[way] ?? []}
                hint={w.several}
                onChange={(list) => put({ people: { ...people, [person]: { ...one, [way]: list } } })}
              />
            </label>
          ))}
        </div>
      ))}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (!key) return;
          put({ people: { ...people, [key]: {} } });
          setName("");
        }}
      >
        <input class="field grow" aria-label={w.name} placeholder={w.name} maxLength={40} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        <button type="submit" class="btn" disabled={!key || key in people}>
          {w.add}
        </button>
      </form>
      {isAny && (
        <>
          <label class="modes-field small">
            <span>{w.awayAfter}</span>
            <input class="field" value={presence.away_after ?? ""} placeholder={w.awayAfterHint} onInput={(e) => put({ away_after: e.currentTarget.value })} />
          </label>
          {(["nobody", "back"] as const).map((which) => (
            <label key={which} class="modes-field small">
              <span>{w[which]}</span>
              <select
                class="field"
                value={presence[which] || (which === "nobody" ? "away" : "home")}
                onChange={(e) => put({ [which]: e.currentTarget.value })}
              >
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
    </section>
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
