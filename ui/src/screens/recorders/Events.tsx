/** Events of all recorders, newest first, or found by words; also of those that are offline. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Query, get } from "../../api/client";
import type { FleetBox, FleetEvent, FleetEvents, FleetFound } from "../../api/types";
import { t } from "../../strings";
import { recorders as words } from "../../strings/recorders";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { dayBounds, length, when } from "../../ui/times";

const AGAIN_MS = 3_000;
/** Where each recorder is asked what objects looked like. */
const AGAIN_BY_LOOK_MS = 60_000;

interface Asked {
  q: string;
  box: string;
  /** `box~camera`. */
  camera: string;
  kind: string;
  from: string;
  to: string;
}

const EVERYTHING: Asked = { q: "", box: "", camera: "", kind: "", from: "", to: "" };

const queryOf = ({ q, box, camera, kind, from, to }: Asked): Query => ({
  q,
  box,
  cameras: camera,
  kinds: kind,
  from_ms: from && dayBounds(from).begin_ms,
  to_ms: to && dayBounds(to).end_ms,
});

export function Events({ boxes }: { boxes: readonly FleetBox[] }) {
  const asked = useSignal(EVERYTHING);
  const newest = useSignal<FleetEvents | FleetFound | null>(null);
  const older = useSignal<FleetEvent[]>([]);
  const next = useSignal<string | null>(null);
  const failed = useSignal("");
  const shown = useSignal<FleetEvent | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    newest.value = null;
    older.value = [];
    next.value = null;
    let againMs = AGAIN_MS;
    const load = () =>
      get<FleetEvents | FleetFound>(asked.value.q ? "/fleet/find" : "/fleet/events", queryOf(asked.value))
        .then(
          (found) => {
            if (ended) return;
            if (older.peek().length === 0) next.value = "next" in found ? found.next : null;
            newest.value = found;
            againMs = "by_look" in found && found.by_look ? AGAIN_BY_LOOK_MS : AGAIN_MS;
            failed.value = "";
          },
          (reason: unknown) => {
            failed.value = sentences(reason);
          },
        )
        .finally(() => {
          if (!ended) timer = setTimeout(() => void load(), againMs);
        });
    void load();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [asked.value]);
  const more = async () => {
    const found = await get<FleetEvents>("/fleet/events", { ...queryOf(asked.value), after: next.value });
    older.value = [...older.value, ...found.events];
    next.value = found.next;
  };
  const known = new Set<string>();
  const all = [...(newest.value?.events ?? []), ...older.value].filter((event) => {
    const key = `${event.box} ${event.id}`;
    return !known.has(key) && known.add(key);
  });
  const named = (id: string) => boxes.find((one) => one.id === id);
  const found = newest.value && "unknown" in newest.value ? newest.value : null;
  const isNarrowed = asked.value !== EVERYTHING;
  return (
    <>
      <Search boxes={boxes} asked={asked} />
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      {found && (found.time || found.unknown.length > 0) && (
        <p class="sub" role="status">
          {found.time && words.events.understood(found.time)} {found.unknown.length > 0 && words.events.unknown(found.unknown.join(", "))}
        </p>
      )}
      {found && found.missing.length > 0 && <Missing found={found} named={(id) => named(id)?.name ?? id} />}
      {newest.value && all.length === 0 && (
        <Problem icon="film" what={isNarrowed ? words.events.nothing : words.events.none} todo={isNarrowed ? words.events.nothingDo : words.events.noneDo} />
      )}
      <ul class="rec-events">
        {all.map((event) => (
          <li key={`${event.box} ${event.id}`} data-event={event.id} data-box={event.box}>
            <button
              type="button"
              class="rec-event"
              onClick={() => (shown.value = event)}
            >
              <span class="rec-thumb">
                {event.snapshot && named(event.box)?.online ? (
                  <img alt="" loading="lazy" src={event.snapshot} onError={({ currentTarget }) => currentTarget.remove()} />
                ) : (
                  <Icon name={named(event.box)?.online ? "film" : "wifi-off"} />
                )}
              </span>
              <span>
                <b>{event.title}</b>
                {event.match != null && (
                  <span class="small">
                    {event.why} <span class="muted num">{words.events.match(Math.round(100 * event.match))}</span>
                  </span>
                )}
                <span class="sub">
                  {event.camera_name} · {named(event.box)?.name ?? event.box}
                </span>
                <span class="small muted num">
                  {when(event.start_ms)} · {event.end_ms === null ? words.events[named(event.box)?.online ? "going" : "lasted"] : length(event.end_ms - event.start_ms)}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {found?.more && <p class="sub">{words.events.narrow}</p>}
      {next.value !== null && (
        <button type="button" class="btn" onClick={() => void more()}>
          {words.events.more}
        </button>
      )}
      {shown.value && (
        <Sheet title={shown.value.title} onClose={() => (shown.value = null)} class="rec-clip">
          <p class="sub">
            {shown.value.camera_name} · {named(shown.value.box)?.name ?? shown.value.box} · {when(shown.value.start_ms)}
          </p>
          {named(shown.value.box)?.online ? (
            <video src={shown.value.clip} controls autoPlay muted playsInline aria-label={shown.value.title} />
          ) : (
            <p>{words.events.away}</p>
          )}
        </Sheet>
      )}
    </>
  );
}

/** Which recorders did not search by look, in one line for each reason. */
function Missing({ found, named }: { found: FleetFound; named: (id: string) => string }) {
  const reasons = [...new Set(found.missing.map((one) => one.reason))];
  const names = (reason: string) => found.missing.filter((one) => one.reason === reason).map((one) => named(one.box));
  return (
    <p class="sub" role="status" data-missing>
      {reasons.map((reason) => words.events.missing[reason](names(reason).join(", "))).join(" ")}
    </p>
  );
}

function Search({ boxes, asked }: { boxes: readonly FleetBox[]; asked: Signal<Asked> }) {
  const text = useSignal(asked.value.q);
  const set = (changes: Partial<Asked>) => {
    const next = { ...asked.value, ...changes };
    asked.value = Object.values(next).some(Boolean) ? next : EVERYTHING;
  };
  const { box, camera, kind, from, to } = asked.value;
  const shown = boxes.filter((one) => !box || one.id === box);
  return (
    <form
      class="rec-search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set({ q: text.value.trim() });
      }}
    >
      <label class="rec-words-field">
        <Icon name="search" small />
        <input
         
          type="search"
          name="q"
          maxLength={200}
          autocomplete="off"
          aria-label={words.events.find}
          placeholder={words.events.find}
          value={text.value}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
            if (!currentTarget.value) set({ q: "" });
          }}
        />
      </label>
      <button type="submit" class="btn pri">
        {words.events.look}
      </button>
      <select aria-label={words.events.box} value={box} onChange={({ currentTarget }) => set({ box: currentTarget.value, camera: "" })}>
        <option value="">{words.events.every}</option>
        {boxes.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </select>
      <select aria-label={words.events.camera} value={camera} onChange={({ currentTarget }) => set({ camera: currentTarget.value })}>
        <option value="">{words.events.everyCamera}</option>
        {shown.map((one) => (
          <optgroup key={one.id} label={one.name}>
            {one.cameras.map(({ info }) => (
              <option key={info.id} value={`${one.id}~${info.id}`}>
                {info.name}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      <select aria-label={words.events.kind} value={kind} onChange={({ currentTarget }) => set({ kind: currentTarget.value })}>
        <option value="">{words.events.everyKind}</option>
        {Object.entries(t.kinds).map(([value, { one }]) => (
          <option key={value} value={value}>
            {one}
          </option>
        ))}
      </select>
      <label>
        {words.events.from} <input type="date" value={from} onChange={({ currentTarget }) => set({ from: currentTarget.value })} />
      </label>
      <label>
        {words.events.to} <input type="date" value={to} onChange={({ currentTarget }) => set({ to: currentTarget.value })} />
      </label>
    </form>
  );
}
