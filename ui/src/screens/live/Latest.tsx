import { latest } from "../../api/events";
import { cameraNamed, cameras } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { shortTitle } from "../../ui/eventWords";
import { length, when } from "../../ui/times";
import { t } from "../../strings";
import { Straight } from "../../live/straight";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import "./latest.css";

export function Latest() {
  const events = latest.value;
  return (
    <section class="latest" aria-labelledby="latest-title">
      <div class="latest-head">
        <h2 id="latest-title">{t.live.latest}</h2>
        <a class="small sub latest-all touch" href="/events?only=all">
          {t.live.allEvents}
          <Icon name="chevron-right" small />
        </a>
      </div>
      {events?.length === 0 ? (
        <p class="muted latest-none">{t.live.nothingYet}</p>
      ) : (
        <div class="latest-row">
          {events?.map((event) => (
            <LatestEvent key={event.id} event={event} />
          ))}
        </div>
      )}
    </section>
  );
}

export function LatestEvent({ event }: { event: TawnyEvent }) {
  const long = event.end_ms === null ? t.live.ongoing : length(event.end_ms - event.start_ms);
  const camera = cameraNamed(event.camera);
  const by = cameras.value.find((each) => each.id === event.camera);
  const { box } = event;
  return (
    <a class="latest-event" href={`/events/${encodeURIComponent(event.id)}?only=all`}>
      <span class="latest-picture">
        {event.snapshot && <img alt="" src={event.snapshot} loading="lazy" />}
        {event.snapshot && by && <Straight camera={by} still at={box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : undefined} />}
      </span>
      <span class="latest-words">
        <b>{shortTitle(event, camera)}</b>
        <span class="num muted tiny">
          {when(event.start_ms)} · {long}
        </span>
        <span class={`latest-kind kind-${event.type}`}>
          <Icon name={kindIcon(event.type)} small />
          {camera}
        </span>
      </span>
    </a>
  );
}
