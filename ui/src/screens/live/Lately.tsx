import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { mergeNewest } from "../../api/events";
import { on } from "../../api/state";
import type { Camera, EventPage, TawnyEvent } from "../../api/types";
import { t } from "../../strings";
import { shortTitle } from "../../ui/eventWords";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import { when } from "../../ui/times";

const MOST = 8;

/** The newest events of one camera, beside its picture. */
export function Lately({ camera }: { camera: Camera }) {
  const [events, setEvents] = useState<TawnyEvent[] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      get<EventPage>("/events", { cameras: camera.id, only: "all", limit: MOST }, stop.signal).then(
        (page) => setEvents(page.items),
        () => {
          // The list stays as it was; the frame says when there is no connection.
        },
      );
    };
    load();
    const stops = [
      on("back", load),
      on("event", ({ event }) => {
        if (event.camera === camera.id) setEvents((old) => mergeNewest(old ?? [], event, MOST));
      }),
    ];
    return () => {
      stop.abort();
      for (const each of stops) each();
    };
  }, [camera.id]);
  return (
    <aside class="lately" aria-labelledby="lately-title">
      <h2 id="lately-title">{t.live.focus.here}</h2>
      {events?.length === 0 && <p class="muted small">{t.live.focus.nothingHere}</p>}
      {events?.map((event) => (
        <a key={event.id} class="lately-event" href={`/events/${encodeURIComponent(event.id)}?only=all`}>
          <Icon name={kindIcon(event.type)} small class={`kind-${event.type}`} />
          <b>{shortTitle(event, camera.name)}</b>
          <span class="num muted">{when(event.start_ms)}</span>
        </a>
      ))}
    </aside>
  );
}
