import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { WatchLine, WatchZone } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { rectangle } from "./geometry";
import { slug } from "../../ui/slug";
import { type Chosen, type Draft, names, spoken, type TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.places;
const loadAlerts = () => import("./Alerts");
const SIZES = [0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1];
const STAYS = [0, 1, 2, 3, 5, 10, 20, 30, 60];
const LOITERS = [0, 20, 30, 60, 120, 300, 600];
const LEFTS = [0, 10, 20, 30, 60, 120, 300];

/** Zones, lines and ignored parts, as lists: all that can be said of each, without the picture as well. */
export function Places({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const draft = store.draft.value;
  if (!draft) return null;
  return (
    <>
      <Lazy load={loadAlerts} props={{ store, disabled }} waiting={() => null} />
      <List
        title={w.zones}
        none={w.zonesNone}
        disabled={disabled}
        onAdd={() => store.add("zones", rectangle([0.3, 0.4], [0.7, 0.85]), w.newZone)}
      >
        {draft.zones.map((zone, index) => (
          <Row key={index} store={store} chosen={{ what: "zones", index }} name={spoken(zone.name)} sub={zoneWords(zone)} disabled={disabled}>
            <Zone store={store} draft={draft} zone={zone} index={index} />
          </Row>
        ))}
      </List>
      <List
        title={w.lines}
        none={w.linesNone}
        disabled={disabled}
        onAdd={() =>
          store.add(
            "lines",
            [
              [0.3, 0.6],
              [0.7, 0.6],
            ],
            w.newLine,
          )
        }
      >
        {draft.lines.map((line, index) => (
          <Row key={index} store={store} chosen={{ what: "lines", index }} name={spoken(line.name)} sub={w.lineWays[line.direction]} disabled={disabled}>
            <Line store={store} draft={draft} line={line} index={index} />
          </Row>
        ))}
      </List>
      <List title={w.masks} none={w.masksNone} disabled={disabled} onAdd={() => store.add("mask", rectangle([0.05, 0.05], [0.35, 0.3]), "")}>
        {draft.mask.map((_, index) => (
          <Row key={index} store={store} chosen={{ what: "mask", index }} name={w.mask(index + 1)} sub={w.masksNote} disabled={disabled}>
            {null}
          </Row>
        ))}
      </List>
    </>
  );
}

export function List(props: { title: string; none: string; disabled: boolean; onAdd: () => void; children: ComponentChildren[] }) {
  const id = useId();
  return (
    <section class="card places" aria-labelledby={id}>
      <div class="row between">
        <h2 id={id}>{props.title}</h2>
        {!props.disabled && (
          <button type="button" class="btn ghost" aria-label={`${w.add}: ${props.title}`} onClick={props.onAdd}>
            <Icon name="plus" small />
            {w.add}
          </button>
        )}
      </div>
      {props.children.length === 0 ? <p class="small sub places-none">{props.none}</p> : <ul>{props.children}</ul>}
    </section>
  );
}

export function Row(props: { store: TuningStore; chosen: Chosen; name: string; sub: string; disabled: boolean; children: ComponentChildren }) {
  const { store, chosen } = props;
  const now = store.chosen.value;
  const open = now !== null && now.what === chosen.what && now.index === chosen.index;
  return (
    <li class={`place${open ? " open" : ""}`}>
      <div class="row">
        <span class={`place-dot ${chosen.what}`} aria-hidden="true" />
        <div class="grow">
          <b>{props.name}</b>
          <p class="small sub">{props.sub}</p>
        </div>
        {!props.disabled && (
          <button
            type="button"
            class="btn ghost"
            aria-expanded={open}
            aria-label={`${open ? w.done : w.edit}: ${props.name}`}
            onClick={() => (store.chosen.value = open ? null : chosen)}
          >
            {open ? w.done : w.edit}
          </button>
        )}
      </div>
      {open && !props.disabled && (
        <div class="place-in">
          {props.children}
          <button
            type="button"
            class="btn place-out"
            onClick={(event) => {
              event.currentTarget.closest(".places")?.querySelector("button")?.focus(); // as this row goes
              store.remove(chosen);
            }}
          >
            <Icon name="trash-2" small />
            {w.remove}
          </button>
        </div>
      )}
    </li>
  );
}

function Zone({ store, draft, zone, index }: { store: TuningStore; draft: Draft; zone: WatchZone; index: number }) {
  const set = (changes: Partial<WatchZone>) => store.setZone(index, changes);
  return (
    <>
      <Name draft={draft} name={zone.name} set={(name) => set({ name })} />
      <Choice
        label={w.ownLevel}
        value={zone.level === null ? "" : "own"}
        options={[
          ["", w.asCamera(draft.level)],
          ["own", zone.level === null ? w.ownLevelOption : `${w.ownLevelOption}: ${zone.level}`],
        ]}
        set={(value) => set({ level: value === "own" ? draft.level : null })}
      />
      <Numbers label={w.smallest} value={zone.smallest} all={SIZES} say={(n) => (n === 0 ? w.anySize : w.share(Math.round(n * 1e4) / 100))} set={(smallest) => set({ smallest })} />
      <Numbers label={w.stay} value={zone.stay_s} all={STAYS} say={(n) => (n === 0 ? w.stayNone : words.every.s(n))} set={(stay_s) => set({ stay_s })} />
      <Choice
        label={w.direction}
        value={zone.direction}
        options={Object.entries(w.ways)}
        set={(value) => set({ direction: value as WatchZone["direction"] })}
      />
      <Numbers label={w.loiter} value={zone.loiter_s} all={LOITERS} say={(n) => (n === 0 ? w.loiterNone : w.loiterAfter(words.every.s(n)))} set={(loiter_s) => set({ loiter_s })} />
      <label class="drop-item">
        <input type="checkbox" checked={zone.alert ?? false} onChange={() => set({ alert: !zone.alert })} />
        {w.alertsHere}
      </label>
      <Numbers label={w.left} value={zone.left_s} all={LEFTS} say={(n) => (n === 0 ? w.leftNone : w.leftAfter(words.every.s(n)))} set={(left_s) => set({ left_s })} />
    </>
  );
}

function Line({ store, draft, line, index }: { store: TuningStore; draft: Draft; line: WatchLine; index: number }) {
  const set = (changes: Partial<WatchLine>) => store.setLine(index, changes);
  return (
    <>
      <Name draft={draft} name={line.name} set={(name) => set({ name })} />
      <Choice label={w.lineWay} value={line.direction} options={Object.entries(w.lineWays)} set={(value) => set({ direction: value as WatchLine["direction"] })} />
      <p class="small muted">{w.lineWayNote}</p>
    </>
  );
}

/** Typed freely, kept as a slug; what cannot be one is not taken. */
function Name({ draft, name, set }: { draft: Draft; name: string; set: (name: string) => void }) {
  const typed = useSignal(spoken(name));
  const next = slug(typed.value);
  useEffect(() => {
    if (slug(typed.peek()) !== name) typed.value = spoken(name);
  }, [name]);
  const wrong = next === "" || (next !== name && names(draft).includes(next));
  const id = useId();
  return (
    <div class="field">
      <label htmlFor={id}>{w.name}</label>
      <input
        id={id}
        value={typed.value}
        maxLength={40}
        aria-invalid={wrong}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onChange={() => {
          const made = slug(typed.value);
          if (made && (made === name || !names(draft).includes(made))) set(made);
        }}
      />
      {wrong && (
        <span id={`${id}-wrong`} class="tiny field-bad">
          {w.nameWrong}
        </span>
      )}
    </div>
  );
}

export function Choice(props: { label: string; value: string; options: readonly (readonly [string, string])[]; set: (value: string) => void; disabled?: boolean }) {
  const id = useId();
  return (
    <div class="field">
      <label htmlFor={id}>{props.label}</label>
      <select id={id} value={props.value} disabled={props.disabled ?? false} onChange={(event) => props.set(event.currentTarget.value)}>
        {props.options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A number among usual ones; one that somebody wrote into the file stands among them. */
export function Numbers(props: { label: string; value: number; all: readonly number[]; say: (n: number) => string; set: (n: number) => void; disabled?: boolean }) {
  const all = props.all.includes(props.value) ? props.all : [...props.all, props.value].sort((a, b) => a - b);
  return (
    <Choice
      label={props.label}
      value={String(props.value)}
      options={all.map((n) => [String(n), props.say(n)] as const)}
      set={(value) => props.set(Number(value))}
      disabled={props.disabled ?? false}
    />
  );
}

function zoneWords(zone: WatchZone): string {
  const parts = [
    zone.level === null ? "" : `${w.ownLevel} ${zone.level}`,
    zone.smallest ? w.share(Math.round(zone.smallest * 1e4) / 100) : "",
    zone.stay_s ? words.every.s(zone.stay_s) : "",
    zone.direction === "any" ? "" : w.ways[zone.direction],
    zone.loiter_s ? `${w.loiter} ${words.every.s(zone.loiter_s)}` : "",
    zone.alert ? w.alerts : "",
    zone.left_s ? `${w.left} ${words.every.s(zone.left_s)}` : "",
  ].filter(Boolean);
  return parts.length ? w.summary(parts) : w.ways.any;
}
