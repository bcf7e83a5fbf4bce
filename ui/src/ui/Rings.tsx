/** Rings at doors, on every open page, as they happen: who is there, and one press to answer. Screens on the wall get no events. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { get, url } from "../api/client";
import { cameraNamed, cameras, on, serverNow } from "../api/state";
import type { EventPage, TawnyEvent } from "../api/types";
import { ring as words } from "../strings/ring";
import { Icon } from "./Icon";
import { recall, remember } from "./remember";
import { go } from "./router";
import { isScreen, mayDirect } from "./session";
import { clock } from "./times";
import "./rings.css";

export const DOORBELL = "doorbell";
/** How long a ring is shown unless it is answered: who rang waits about as long. */
const SHOWN_MS = 60_000;
const rings = signal<readonly TawnyEvent[]>([]);

/** Of each camera: when the last ring began that was dismissed or answered in this browser. */
const DONE = "rung-";

/** Shows rings until the returned function is called: also those that began before, or while the connection was away. */
export function startRings(): () => void {
  const place = document.body.appendChild(document.createElement("div"));
  render(<Rings />, place);
  const load = () =>
    isScreen() ||
    get<EventPage>("/events", { types: DOORBELL, limit: 5 }).then(
      ({ items }) => {
        for (const event of items)
          if (!event.reviewed && event.start_ms > Number(recall(DONE + event.camera))) show(event, event.start_ms + SHOWN_MS - serverNow());
      },
      () => {}, // the next time
    );
  load();
  const stops = [
    on("back", load),
    on("event", ({ what, event }) => {
      if (what === "started" && (event.type as string) === DOORBELL) show(event, SHOWN_MS);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    rings.value = [];
    render(null, place);
    place.remove();
  };
}

/** Unless it is over, or a later one of its camera is shown. */
function show(event: TawnyEvent, left_ms: number): void {
  if (left_ms <= 0 || rings.value.some((one) => one.camera === event.camera && one.start_ms >= event.start_ms)) return;
  rings.value = [...rings.value.filter((one) => one.camera !== event.camera), event];
  setTimeout(() => end(event), left_ms);
}

function end(event: TawnyEvent): void {
  rings.value = rings.value.filter((one) => one.id !== event.id);
}

function dismiss(event: TawnyEvent): void {
  remember(DONE + event.camera, String(event.start_ms));
  end(event);
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
  const { camera } = event;
  const page = `/live/${camera}`;
  const talks = mayDirect();
  const open = (to: string) => () => {
    dismiss(event);
    go(to);
  };
  const shows = cameras.value.some(({ id }) => id === camera);
  return (
    <section class="card ring" role="dialog" aria-labelledby={`ring-${event.id}`}>
      {shows && <img alt="" src={url(`/cameras/${camera}/snapshot`, { width: 320 })} onError={(failed) => (failed.currentTarget.hidden = true)} />}
      <div>
        <h2 class="row" id={`ring-${event.id}`}>
          <Icon name="bell" small /> {words.rang(cameraNamed(event.camera))}
        </h2>
        <p class="small sub">{words.at(clock(event.start_ms))}</p>
      </div>
      <div class="row">
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
