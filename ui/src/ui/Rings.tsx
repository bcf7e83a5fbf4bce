/** Rings at doors, on every open page, as they happen: who is there, and one press to answer. Screens on the wall get no events. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { latest } from "../api/events";
import { cameraNamed, cameras, serverNow } from "../api/state";
import { url } from "../api/client";
import type { TawnyEvent } from "../api/types";
import { ring as words } from "../strings/ring";
import { Icon } from "./Icon";
import { go } from "./router";
import { mayDirect } from "./session";
import { clock } from "./times";
import "./rings.css";

export const DOORBELL = "doorbell";
/** How long a ring is shown unless it is answered: who rang waits about as long. */
const SHOWN_MS = 60_000;
const rings = signal<readonly TawnyEvent[]>([]);

/** Shows rings until the returned function is called: also those that began while the connection was away. */
export function startRings(): () => void {
  const place = document.body.appendChild(document.createElement("div"));
  render(<Rings />, place);
  const seen = new Set(latest.peek()?.map(({ id }) => id));
  const stop = effect(() => {
    for (const event of latest.value?.toReversed() ?? []) {
      const left_ms = event.start_ms + SHOWN_MS - serverNow();
      if ((event.type as string) !== DOORBELL || left_ms < 0 || seen.has(event.id)) continue;
      seen.add(event.id);
      rings.value = [...rings.peek().filter((one) => one.camera !== event.camera), event];
      setTimeout(() => dismiss(event), left_ms);
    }
  });
  return () => {
    stop();
    rings.value = [];
    render(null, place);
    place.remove();
  };
}

function dismiss(event: TawnyEvent): void {
  rings.value = rings.value.filter((one) => one.id !== event.id);
}

function Rings() {
  return (
    <div class="rings" aria-live="assertive">
      {rings.value.map((event) => (
        <Ring key={event.id} event={event} />
      ))}
    </div>
  );
}

function Ring({ event }: { event: TawnyEvent }) {
  const page = `/live/${encodeURIComponent(event.camera)}`;
  const talks = mayDirect();
  const open = (to: string) => () => {
    dismiss(event);
    go(to);
  };
  const shows = cameras.value.some((camera) => camera.id === event.camera);
  return (
    <section class="ring" role="dialog" aria-labelledby={`ring-${event.id}`} data-ring={event.camera}>
      {shows && <img alt="" src={url(`/cameras/${encodeURIComponent(event.camera)}/snapshot`, { width: 320 })} onError={(failed) => (failed.currentTarget.hidden = true)} />}
      <div class="ring-words">
        <h2 id={`ring-${event.id}`}>
          <Icon name="bell" small /> {words.rang(cameraNamed(event.camera))}
        </h2>
        <p class="small sub">{words.at(clock(event.start_ms))}</p>
      </div>
      <div class="row ring-acts">
        <button type="button" class="btn pri grow" onClick={open(talks ? `${page}?talk=1` : page)}>
          <Icon name={talks ? "mic" : "video"} small /> {talks ? words.answer : words.live}
        </button>
        <button type="button" class="btn ghost" onClick={() => dismiss(event)}>
          {words.dismiss}
        </button>
      </div>
    </section>
  );
}
