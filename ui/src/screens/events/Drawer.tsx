import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import { cameraNamed } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { DeleteButton } from "../../ui/DeleteSheet";
import { mayDirect } from "../../ui/session";
import { clock, day, length } from "../../ui/times";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { kindName } from "../../ui/kinds";
import { Lazy } from "../../ui/Lazy";
import { Problem } from "../../ui/Problem";
import { shareEvent } from "../../ui/sharing";
import { SnoozeButton } from "../../ui/snoozes";
import { ClipPlayer } from "./ClipPlayer";
import { Reads } from "./Reads";
import { Why } from "./Why";
import { What } from "./What";
import { Worth } from "./Worth";

const filmstrip = () => import("./Filmstrip");
const words = t.events.drawer;
const NEAR_MS = 60_000;
/** Kinds of events in which nothing moves that could be called something. */
const NOT_SEEN: ReadonlySet<string> = new Set(["sound", "tamper", "object"]);

interface Props {
  event: TawnyEvent;
  /** Events of other cameras at about the same time are looked for among these. */
  others: readonly TawnyEvent[];
  onClose: () => void;
  onKeep: (event: TawnyEvent) => void;
  onReview: (event: TawnyEvent) => void;
}

export function Drawer({ event, others, onClose, onKeep, onReview }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  const camera = cameraNamed(event.camera);
  const may = mayDirect();
  const at = useSignal<number | null>(null);
  const seek = useRef<(at_ms: number) => void>(() => {});
  const long = event.end_ms === null ? words.stillGoing : length(event.end_ms - event.start_ms);
  return (
    <div class="drawer-in" key={event.id}>
      <ClipPlayer event={event} shown={at} seek={seek} />
      <Lazy load={filmstrip} props={{ event, at, onPick: (at_ms: number) => seek.current(at_ms) }} waiting={() => null} />
      <div class="drawer-head">
        <div class="grow">
          <h2 ref={title}>{event.title}</h2>
          <p class="sub num">
            {event.title.endsWith(camera) ? "" : `${camera} · `}
            {day(event.start_ms)} {clock(event.start_ms)} · {long}
          </p>
        </div>
        <button type="button" class="btn ghost sq drawer-close" aria-label={words.close} onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      <div class="drawer-acts">
        {may && (
          <>
            <button
              type="button"
              class={`btn${event.reviewed ? " on" : ""}`}
              aria-pressed={event.reviewed}
              title={event.reviewed ? undefined : words.review}
              onClick={() => onReview(event)}
            >
              <Icon name="check" />
              {words.reviewed}
            </button>
            <button
              type="button"
              class={`btn${event.kept ? " on" : ""}`}
              aria-pressed={event.kept}
              onClick={() => onKeep(event)}
            >
              <Icon name={event.kept ? "lock" : "lock-open"} />
              {event.kept ? words.kept : words.keep}
            </button>
          </>
        )}
        {event.end_ms !== null && (
          <a class="btn" href={event.clip} download>
            <Icon name="download" />
            {words.save}
          </a>
        )}
        {event.end_ms !== null && (
          <button type="button" class="btn" onClick={() => shareEvent(event)}>
            <Icon name="share-2" />
            {words.share}
          </button>
        )}
        <a class="btn" href={`/live/${encodeURIComponent(event.camera)}`}>
          <Icon name="video" />
          {words.live}
        </a>
        <SnoozeButton key={event.camera} camera={event.camera} />
      </div>
      <Facts event={event} others={others} />
      {event.box && event.snapshot && (
        <a class="btn" href={`/find?q=anything&like=${encodeURIComponent(event.id)}`}>
          <Icon name="search" small />
          {words.alike}
        </a>
      )}
      <Why key={event.id} event={event} />
      {may && !NOT_SEEN.has(event.type) && <What key={event.id} event={event} />}
      {may && event.type !== "tamper" && <Worth key={event.id} event={event} />}
      <a
        class="btn pri"
        href={`/timeline?cam=${encodeURIComponent(event.camera)}&t=${Math.floor(event.start_ms / 1000)}&span=3600`}
      >
        <Icon name="history" small />
        {words.timeline}
      </a>
      {event.end_ms !== null && <DeleteButton key={event.id} what="event" wanted={{ event: event.id }} class="btn bad drawer-delete" />}
    </div>
  );
}

function Facts({ event, others }: { event: TawnyEvent; others: readonly TawnyEvent[] }) {
  const { facts } = words;
  const near = others.filter(
    (other) => other.camera !== event.camera && Math.abs(other.start_ms - event.start_ms) <= NEAR_MS,
  );
  return (
    <dl class="facts">
      {event.display_type !== "motion" && (
        <>
          <dt>{facts.kind}</dt>
          <dd class={`kind-${event.display_type}`}>{seenAs(event)}</dd>
        </>
      )}
      <Reads event={event} />
      {event.zones.length > 0 && (
        <>
          <dt>{facts.zone}</dt>
          <dd>{event.zones.join(", ")}</dd>
        </>
      )}
      {event.display_type === "motion" && (
        <>
          <dt>{facts.strength}</dt>
          <dd>{words.score(Math.round(event.score))}</dd>
        </>
      )}
      {near.length > 0 && (
        <>
          <dt>{facts.nearby}</dt>
          <dd>
            {near.slice(0, 3).map((other) => (
              <a
                key={other.id}
                class="more facts-near touch"
                href={`/events/${encodeURIComponent(other.id)}${location.search}`}
              >
                {nearby(other, event)}
              </a>
            ))}
          </dd>
        </>
      )}
      <dt>{facts.kept}</dt>
      <dd>{event.kept ? words.keptUntil : words.notKept}</dd>
    </dl>
  );
}

function seenAs(event: TawnyEvent): string {
  const kind = kindName(event.display_type);
  if (event.labeled_as) return words.bySomebody(kind);
  const sure = Math.max(0, ...event.objects.map((object) => object.score ?? 0));
  if (sure === 0) return kind;
  const percent = Math.round(sure * (sure <= 1 ? 100 : 1));
  return words.sure(kind, percent >= 90 ? words.very : percent >= 65 ? words.fairly : words.unsure, percent);
}

function nearby(other: TawnyEvent, event: TawnyEvent): string {
  const by = other.start_ms - event.start_ms;
  if (Math.abs(by) < 1_000) return words.sameTime(cameraNamed(other.camera));
  return (by < 0 ? words.earlier : words.later)(cameraNamed(other.camera), length(Math.abs(by)));
}

/** An event by its id, from `known` or from the recorder. */
export function useEvent(id: string | null, known: readonly TawnyEvent[]): TawnyEvent | "gone" | null {
  const here = known.find((event) => event.id === id);
  const [fetched, setFetched] = useState<{ id: string; event: TawnyEvent | "gone" } | null>(null);
  const missing = id !== null && !here;
  useEffect(() => {
    if (!missing) return undefined;
    const stop = new AbortController();
    get<TawnyEvent>(`/events/${encodeURIComponent(id)}`, {}, stop.signal).then(
      (event) => setFetched({ id, event }),
      (reason: unknown) => {
        if (reason instanceof ApiError && reason.status === 404) setFetched({ id, event: "gone" });
      },
    );
    return () => stop.abort();
  }, [id, missing]);
  if (here) return here;
  return fetched?.id === id ? fetched.event : null;
}

export function Gone() {
  return <Problem icon="circle-slash" what={words.gone} todo={words.goneDo} />;
}
