import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import { pictureOf } from "../../api/events";
import { cameraNamed, on } from "../../api/state";
import type { TawnyEvent, Visit } from "../../api/types";
import { within } from "../../api/within";
import { DeleteButton } from "../../ui/DeleteSheet";
import type { IconName } from "../../ui/icon-names";
import { focusOnce } from "../../ui/Access";
import { useKeys } from "../../ui/keys";
import { mayDirect } from "../../ui/session";
import { clock, clockSeconds, day, length } from "../../ui/times";
import { events as eventsText } from "../../strings/events";
import { visits } from "../../strings/visits";
import { Icon } from "../../ui/Icon";
import { kindName } from "../../ui/kinds";
import { Lazy } from "../../ui/Lazy";
import { Problem } from "../../ui/Problem";
import { shareEvent } from "../../ui/sharing";
import { SnoozeButton } from "../../ui/snoozes";
import { ClipPlayer } from "./ClipPlayer";
import { downloadClips, tellShort } from "./download";
import { Reads } from "./Reads";
import { withEvents } from "./list";
import { isKept, isReviewed } from "./VisitCard";
import { Why } from "./Why";
import { What } from "./What";
import { Worth } from "./Worth";

const filmstrip = () => import("./Filmstrip");
const words = eventsText.drawer;
/** Kinds of events in which nothing moves that could be called something. */
const NOT_SEEN: ReadonlySet<string> = new Set(["sound", "tamper", "object"]);

interface Props {
  visit: Visit;
  /** ID of the event that was asked for, where it was not the whole visit. */
  first: string | undefined;
  onClose: () => void;
  onKeep: (visit: Visit) => void;
  onReview: (visit: Visit) => void;
  onGone: (visit: Visit) => void;
  onUndone: () => void;
}

export const timelineOf = (event: TawnyEvent): string =>
  `/timeline?cam=${encodeURIComponent(event.camera)}&t=${Math.floor(event.start_ms / 1000)}&span=3600`;

export function Drawer({ visit, first, onClose, onKeep, onReview, onGone, onUndone }: Props) {
  const { best, events } = visit;
  const may = mayDirect();
  const at = useSignal<number | null>(null);
  const of = useSignal<string | null>(first ?? best.id);
  const seek = useRef<(event: TawnyEvent, at_ms: number, plays?: boolean) => void>(() => {});
  const event = events.find((each) => each.id === of.value) ?? best;
  const over = events.filter((each) => each.end_ms !== null);
  const long = visit.end_ms === null ? words.stillGoing : length(visit.end_ms - visit.start_ms);
  return (
    <div class="drawer-in">
      <ClipPlayer events={events} best={best} first={first} shown={at} of={of} seek={seek} />
      {events.length === 1 && <Strip event={event} at={at} seek={(which, at_ms) => seek.current(which, at_ms)} />}
      <div class="drawer-head">
        <div class="grow">
          <h2>{visit.title}</h2>
          <p class="sub num">
            {day(visit.start_ms)} {clock(visit.start_ms)} · {long}
          </p>
        </div>
        <button type="button" class="btn ghost sq drawer-close" aria-label={words.close} onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      <a class="btn pri" href={timelineOf(event)}>
        <Icon name="history" small />
        {words.timeline}
      </a>
      <div class="drawer-acts">
        {may && (
          <>
            <Act icon="check" on={isReviewed(visit)} label={words.reviewed} title={isReviewed(visit) ? undefined : words.review} onPress={() => onReview(visit)} />
            <Act icon="bookmark" on={isKept(visit)} label={isKept(visit) ? words.kept : words.keep} onPress={() => onKeep(visit)} />
          </>
        )}
        {over.length === 1 && (
          <a class="btn" href={`${over[0]!.clip}?save=1`} download="" onClick={() => void tellShort(over[0]!.clip)}>
            <Icon name="download" />
            {words.save}
          </a>
        )}
        {over.length > 1 && <Act icon="download" label={words.save} onPress={() => void downloadClips(over)} />}
        {event.end_ms !== null && !within && <Act icon="share-2" label={words.share} onPress={() => shareEvent(event)} />}
        <SnoozeButton key={event.camera} camera={event.camera} />
        {event.box && event.snapshot && (
          <a class="btn" href={`/find?q=anything&like=${encodeURIComponent(event.id)}`}>
            <Icon name="search" />
            {words.alike}
          </a>
        )}
        <a class="btn" href={`/live/${encodeURIComponent(event.camera)}`}>
          <Icon name="video" />
          {words.live}
        </a>
      </div>
      <Why key={best.id} event={best} />
      {events.length > 1 && <Steps visit={visit} event={event} at={at} seek={(which, at_ms, plays) => seek.current(which, at_ms, plays)} />}
      <Facts event={event} />
      {may && best.type !== "tamper" && <Feedback key={`feedback ${event.id}`} event={event} />}
      {over.length > 0 && (
        <DeleteButton
          key={visit.id}
          what={events.length > 1 ? "visit" : "event"}
          wanted={{ events: over.map((each) => each.id) }}
          class="btn bad drawer-delete"
          onDone={() => onGone(visit)}
          onUndone={onUndone}
        />
      )}
    </div>
  );
}

function Act(props: { icon: IconName; label: string; title?: string | undefined; on?: boolean; onPress: () => void }) {
  return (
    <button
      type="button"
      class={`btn${props.on ? " on" : ""}`}
      title={props.title}
      onClick={props.onPress}
      {...(props.on === undefined ? {} : { "aria-pressed": props.on })}
    >
      <Icon name={props.icon} />
      {props.label}
    </button>
  );
}

interface StepsProps {
  visit: Visit;
  event: TawnyEvent;
  at: ReadonlySignal<number | null>;
  seek: (event: TawnyEvent, at_ms: number, plays?: boolean) => void;
}

function Strip({ event, at, seek }: Omit<StepsProps, "visit">) {
  return <Lazy load={filmstrip} props={{ event, at, onPick: (at_ms: number) => seek(event, at_ms) }} waiting={() => null} />;
}

/** The way the visit took, camera after camera, and the frames of the step that is shown. */
function Steps({ visit, event, at, seek }: StepsProps) {
  return (
    <section class="steps" aria-labelledby="visit-steps">
      <h3 id="visit-steps">{visits.drawer.steps}</h3>
      <ol>
        {visit.events.map((each) => (
          <li key={each.id} class={each.id === event.id ? "on" : ""}>
            <button
              type="button"
              disabled={each.end_ms === null}
              aria-current={each.id === event.id ? "step" : undefined}
              onClick={() => seek(each, each.start_ms, true)}
            >
              <span class="num small sub">{clockSeconds(each.start_ms)}</span>
              <i />
              {each.snapshot ? <img alt="" src={pictureOf(each) ?? ""} loading="lazy" /> : <span class="step-none" />}
              <span class="grow">
                <b>{cameraNamed(each.camera)}</b>
                <span class="small sub num">
                  {kindName(each.display_type)} · {each.end_ms === null ? visits.going : length(each.end_ms - each.start_ms)}
                </span>
              </span>
            </button>
            {each.id === event.id && <Strip event={event} at={at} seek={seek} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** What it was, and whether it was worth a notification: asked at the end, behind one button. */
function Feedback({ event }: { event: TawnyEvent }) {
  const [state, setState] = useState<"" | "answered" | "asked" | "folded">(event.false_alarm !== "" || event.labeled_as !== "" || event.muted ? "answered" : "");
  useEffect(() => {
    if (state === "asked") document.querySelector<HTMLElement>(".worth button")?.focus();
  }, [state]);
  if (state === "" || state === "folded")
    return (
      <button type="button" class="btn ghost drawer-feedback" data-act="feedback" ref={state ? focusOnce : undefined} onClick={() => setState("asked")}>
        <Icon name="message-circle" small />
        {visits.drawer.feedback}
      </button>
    );
  return (
    <>
      {state === "asked" && <Folds onFold={() => setState("folded")} />}
      {!NOT_SEEN.has(event.type) && <What event={event} />}
      <Worth event={event} />
    </>
  );
}

/** While what was opened stands there, Escape closes that first. */
function Folds({ onFold }: { onFold: () => void }) {
  useKeys({ Escape: onFold });
  return null;
}

function Facts({ event }: { event: TawnyEvent }) {
  const { facts } = words;
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

/** The visit of an event by its ID, from `known` or from the recorder, kept up to date; or why it cannot be shown. */
export function useVisit(id: string | null, known: readonly Visit[]): Visit | ApiError | "gone" | null {
  const here = known.find((visit) => visit.events.some((event) => event.id === id));
  const [fetched, setFetched] = useState<{ id: string; visit: Visit | ApiError | "gone" } | null>(null);
  const missing = id !== null && !here;
  // What left the list because of what was said of it stays until its new visit is known: who said it may go on there.
  const last = useRef<Visit | undefined>(undefined);
  if (here) last.current = here;
  useEffect(() => {
    if (!missing) return undefined;
    const stop = new AbortController();
    get<Visit>(`/events/${encodeURIComponent(id)}/visit`, {}, stop.signal).then(
      (visit) => setFetched({ id, visit }),
      (reason: unknown) => {
        if (reason instanceof ApiError) setFetched({ id, visit: reason.status === 404 ? "gone" : reason });
      },
    );
    const unhear = on("event", ({ event }) =>
      setFetched((now) => {
        if (now === null || now.visit === "gone" || now.visit instanceof ApiError) return now;
        return { id: now.id, visit: withEvents(now.visit, (each) => (each.id === event.id ? event : each)) };
      }),
    );
    return () => {
      stop.abort();
      unhear();
      setFetched(null);
    };
  }, [id, missing]);
  if (here) return here;
  if (fetched?.id === id) return fetched.visit;
  return last.current?.events.some((event) => event.id === id) ? last.current : null;
}

export function Gone() {
  return <Problem icon="circle-slash" what={words.gone} todo={words.goneDo} />;
}
