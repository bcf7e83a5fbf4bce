/** Events of all recorders, newest first; also of those that are offline. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import type { FleetBox, FleetEvent, FleetEvents } from "../../api/types";
import { t } from "../../strings";
import { recorders as words } from "../../strings/recorders";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { Sheet } from "../../ui/Sheet";
import { length, when } from "../../ui/times";

const AGAIN_MS = 3_000;

export function Events({ boxes }: { boxes: readonly FleetBox[] }) {
  const box = useSignal("");
  const newest = useSignal<FleetEvents | null>(null);
  const older = useSignal<FleetEvent[]>([]);
  const next = useSignal<number | null>(null);
  const failed = useSignal("");
  const shown = useSignal<FleetEvent | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    newest.value = null;
    older.value = [];
    const load = () =>
      get<FleetEvents>("/fleet/events", { box: box.value })
        .then(
          (found) => {
            if (ended) return;
            if (older.peek().length === 0) next.value = found.before_ms;
            newest.value = found;
            failed.value = "";
          },
          (reason: unknown) => {
            failed.value = reason instanceof ApiError ? reason.message : t.problems.unknown;
          },
        )
        .finally(() => {
          if (!ended) timer = setTimeout(() => void load(), AGAIN_MS);
        });
    void load();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [box.value]);
  const more = async () => {
    const found = await get<FleetEvents>("/fleet/events", { box: box.value, before_ms: next.value });
    older.value = [...older.value, ...found.events];
    next.value = found.before_ms;
  };
  const known = new Set<string>();
  const all = [...(newest.value?.events ?? []), ...older.value].filter((event) => {
    const key = `${event.box} ${event.id}`;
    return !known.has(key) && known.add(key);
  });
  const named = (id: string) => boxes.find((one) => one.id === id);
  return (
    <>
      <label class="rec-filter">
        {words.events.from}{" "}
        <select aria-label={words.events.from} value={box.value} onChange={(event) => (box.value = event.currentTarget.value)}>
          <option value="">{words.events.every}</option>
          {boxes.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      {failed.value && <p role="alert">{failed.value}</p>}
      {newest.value && all.length === 0 && <Problem icon="film" what={words.events.none} todo={words.events.noneDo} />}
      <ul class="rec-events">
        {all.map((event) => (
          <li key={`${event.box} ${event.id}`} data-event={event.id} data-box={event.box}>
            <button
              type="button"
              class="rec-event"
              aria-label={words.events.play(event.title, `${event.camera_name} · ${named(event.box)?.name ?? event.box}`, when(event.start_ms))}
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
                <span class="sub">
                  {event.camera_name} · {named(event.box)?.name ?? event.box}
                </span>
                <span class="small muted num">
                  {when(event.start_ms)} · {event.end_ms === null ? words.events.going : length(event.end_ms - event.start_ms)}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
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
