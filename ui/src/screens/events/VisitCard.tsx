/** A visit in the list: its best picture, its length, the way it took in a few moments, and what to do about it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { pictureOf } from "../../api/events";
import { cameraNamed, cameras } from "../../api/state";
import type { Visit } from "../../api/types";
import { within } from "../../api/within";
import { Straight } from "../../live/straight";
import type { Box } from "../../live/straightened";
import { mutings } from "../../strings/mutings";
import { visits as words } from "../../strings/visits";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { memo } from "../../ui/memo";
import { kindName } from "../../ui/kinds";
import { mayDirect } from "../../ui/session";
import { snoozes, snoozesOf, untilOf } from "../../ui/snoozes";
import { clock, clockSeconds, length, when } from "../../ui/times";
import { plural } from "../../strings";
import { events as eventsText } from "../../strings/events";
import { CARD_ASPECT, type Frame, LOOK_MS, framesOf, loopOf, momentsOf, shownEvents, useStrips } from "./frames";
import { frameAt } from "./strip";
import { type Touched, touches } from "./touch";

export interface CardActs {
  open: (visit: Visit) => void;
  timeline: (visit: Visit) => void;
  keep: (visit: Visit) => void;
  review: (visit: Visit) => void;
  /** Asks for how long; `at_once`: an hour. */
  snooze: (visit: Visit, at_once: boolean) => void;
  /** `range`: everything from the last one selected to this one. */
  select: (visit: Visit, range: boolean) => void;
}

interface Props {
  visit: Visit;
  current: boolean;
  selected: boolean;
  selecting: boolean;
  acts: CardActs;
}

const straightFrame = () => import("../../live/StraightFrame");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const touch = matchMedia("(pointer: coarse)");

export const isKept = (visit: Visit): boolean => visit.events.some((event) => event.kept);
export const isReviewed = (visit: Visit): boolean =>
  visit.events.every((event) => event.reviewed || event.level !== visit.level);

/** `15:50`, or `15:50–15:53`. */
export function times({ start_ms, end_ms }: Visit): string {
  const [from, to] = [clock(start_ms), clock(end_ms ?? start_ms)];
  return from === to ? from : `${from}–${to}`;
}

/** `20:44–20:47 · 3 cameras`. */
function about(visit: Visit): string {
  const many = visit.cameras.length > 1
    ? plural(visit.cameras.length, words.cameras)
    : visit.events.length > 1
      ? plural(visit.events.length, visit.level === "motion" ? words.moves : words.events)
      : "";
  return [times(visit), many].filter(Boolean).join(" · ");
}

export const VisitCard = memo(function VisitCard({ visit, current, selected, selecting, acts }: Props) {
  const { best } = visit;
  const may = mayDirect();
  const [reviewed, kept] = [isReviewed(visit), isKept(visit)];
  const muted = visit.events.every((event) => event.muted);
  const card = useRef<HTMLElement>(null);
  const { near, centred } = useSight(card);
  const events = shownEvents(visit);
  const frames = framesOf(events, useStrips(events, near));
  const [peek, setPeek] = useState<{ share: number | null } | null>(null);
  const shown = useLoop(frames, peek ?? (centred ? { share: null } : null));
  /** Over the strip, the pointer chooses the frame; elsewhere they follow each other. */
  const point = ({ pointerType, clientX, clientY }: PointerEvent) => {
    if (pointerType !== "mouse" || !card.current) return;
    const strip = card.current.querySelector(".ec-moments")?.getBoundingClientRect();
    const { left, width } = card.current.getBoundingClientRect();
    const scrubs = !strip || (clientY >= strip.top && clientY <= strip.bottom);
    const share = scrubs ? (clientX - left) / Math.max(1, width) : null;
    setPeek((was) => (was && was.share === share ? was : { share }));
  };
  const touched = useRef<Touched>({ held: false });
  const [slid, slide] = useState(0);
  const state = (reviewed ? "" : eventsText.card.isNew) + (kept ? eventsText.card.isKept : "") + (muted ? mutings.isMuted : "");
  return (
    <article
      ref={card}
      class={`ec${current ? " current" : ""}${selected ? " selected" : ""}${reviewed ? " seen" : ""}${visit.level === "motion" ? " mini" : ""}`}
      data-visit={visit.id}
      data-events={visit.events.map((event) => event.id).join(" ")}
      style={slid ? { transform: `translateX(${slid}px)` } : undefined}
      data-swipe={slid > 0 ? "reviewed" : slid < 0 ? "snooze" : undefined}
      onPointerEnter={point}
      onPointerLeave={() => setPeek(null)}
      onFocusCapture={(focus) => (focus.target as Element).matches(".ec-open:focus-visible") && setPeek({ share: null })}
      onBlurCapture={() => setPeek(null)}
    >
      <button
        type="button"
        class="ec-open"
        aria-label={words.label(visit.title, when(visit.start_ms), state)}
        aria-current={current ? "true" : undefined}
        onClick={(click) => {
          if (may && (click.shiftKey || selecting)) acts.select(visit, click.shiftKey);
          else acts.open(visit);
        }}
        onKeyDown={(key) => {
          if (key.key !== "Enter" || selecting) return;
          key.preventDefault();
          acts.timeline(visit);
        }}
        onPointerMove={point}
        {...touches(touched.current, {
          hold: may ? () => acts.select(visit, false) : null,
          slide,
          right: may && !reviewed ? () => acts.review(visit) : null,
          left: within ? null : () => acts.snooze(visit, true),
        })}
      />
      <div class="ec-pic">
        {best.snapshot ? <Best visit={visit} boxed={!shown} /> : <span class="ec-none"><Icon name="image-off" /></span>}
        {shown && (
          <div class="card-strip" data-frame={frames.indexOf(shown)} aria-hidden="true">
            <div style={shown.style} />
            <StraightShown frame={shown} />
            <i style={{ left: `${(frames.indexOf(shown) / frames.length) * 100}%`, width: `${100 / frames.length}%` }} />
          </div>
        )}
        <Snoozed visit={visit} />
        <span class="ec-long num">{visit.end_ms === null ? words.going : length(visit.end_ms - visit.start_ms)}</span>
        {muted && (
          <span class="ec-muted" title={mutings.muted}>
            <Icon name="bell-off" small />
          </span>
        )}
        {!reviewed && <span class="ec-new" title={eventsText.card.new} />}
        {may && (
          <button
            type="button"
            class={`ec-select${selecting ? " always" : ""}`}
            role="checkbox"
            aria-checked={selected}
            aria-label={eventsText.card.select(visit.title)}
            onClick={(click) => acts.select(visit, click.shiftKey)}
          >
            <Icon name="check" small />
          </button>
        )}
      </div>
      {visit.level !== "motion" && <Moments visit={visit} moments={momentsOf(frames)} shown={shown} />}
      <div class="ec-body">
        <div class="grow">
          <b>{visit.level === "motion" ? visit.cameras.map(cameraNamed).join(", ") : visit.title}</b>
          <span class="num ec-when">{about(visit)}</span>
        </div>
        <span class="ec-acts">
          {visit.level !== "motion" && !within && (
            <button type="button" data-act="snooze" aria-label={words.snooze} title={words.snooze} onClick={() => acts.snooze(visit, false)}>
              <Icon name="bell-off" small />
            </button>
          )}
          {may && (
            <>
              <Toggle icon="bookmark" on={kept} label={kept ? eventsText.card.letGo : eventsText.card.keep} onPress={() => acts.keep(visit)} />
              <Toggle icon="check" on={reviewed} label={reviewed ? eventsText.card.unreview : eventsText.card.review} onPress={() => acts.review(visit)} />
            </>
          )}
        </span>
      </div>
    </article>
  );
});

function Toggle({ icon, on, label, onPress }: { icon: "bookmark" | "check"; on: boolean; label: string; onPress: () => void }) {
  return (
    <button type="button" class={on ? "on" : ""} aria-pressed={on} aria-label={label} title={label} onClick={onPress}>
      <Icon name={icon} small />
    </button>
  );
}

function Snoozed({ visit }: { visit: Visit }) {
  const [longest] = snoozesOf(visit.best.camera, snoozes.value);
  if (!longest || visit.level === "motion") return null;
  return (
    <span class="ec-snoozed num">
      <Icon name="bell-off" small />
      {words.snoozed(untilOf(longest))}
    </span>
  );
}

/** The whole best picture, whatever its shape, with a box around what it shows. */
function Best({ visit, boxed }: { visit: Visit; boxed: boolean }) {
  const { box, display_type: kind } = visit.best;
  const picture = pictureOf(visit.best);
  /** Until then the picture and the box change, and not at the same moment. */
  const isOver = visit.best.end_ms !== null;
  const [aspect, setAspect] = useState<number | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => setFailed(false), [picture]);
  if (failed) return <span class="ec-none" title={words.noPicture}><Icon name="image-off" /></span>;
  const shown = boxed && isOver && box;
  const camera = cameraOf(visit.best.camera);
  const isStraightened = camera !== undefined && camera.lens.kind !== "none";
  const around = ([x0, y0, x1, y1]: Box) => (
    <span class={`ec-box kind-${kind}`} style={{ left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` }}>
      <em>{kindName(kind)}</em>
    </span>
  );
  /** Over the picture as it is, which has bars at two sides unless it has the card's shape. */
  const inArea = (of: Box) =>
    aspect !== null && (
      <div class="ec-box-area" style={{ aspectRatio: String(aspect), [aspect < CARD_ASPECT ? "height" : "width"]: "100%" }} aria-hidden="true">
        {around(of)}
      </div>
    );
  return (
    <>
      <img
        alt=""
        src={picture ?? ""}
        loading="lazy"
        decoding="async"
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => setAspect(naturalWidth / Math.max(1, naturalHeight))}
        onError={() => setFailed(true)}
      />
      {isStraightened
        ? <Straight camera={camera} still at={middleOf(box)} boxed={shown ? { box: shown, shown: camera.lens.kind === "wide" ? inArea : around, plain: inArea } : undefined} />
        : shown && inArea(shown)}
    </>
  );
}

const cameraOf = (id: string) => cameras.value.find((each) => each.id === id);
const middleOf = (box: Box | null): [number, number] | undefined => (box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : undefined);

/** Over a frame of a wide or fisheye camera: the same, straightened. */
function StraightShown({ frame: { event, of } }: { frame: Frame }) {
  const camera = cameraOf(event.camera);
  if (!camera || camera.lens.kind === "none") return null;
  return <Lazy load={straightFrame} props={{ camera, ...of, at: middleOf(event.box) }} waiting={() => null} />;
}

/** As many as there can be, so that each has the shape of its picture. */
const PLACES = 5;

function Moments({ visit, moments, shown }: { visit: Visit; moments: readonly Frame[]; shown: Frame | null }) {
  const ways = new Set(moments.map((frame) => frame.event.camera)).size > 1;
  if (moments.length === 0)
    return (
      <div class="ec-moments" aria-hidden="true">
        {Array.from({ length: PLACES }, (_, n) => <span key={n} class={visit.best.snapshot ? "sk" : ""} />)}
      </div>
    );
  const last = shown && moments.findLast((frame) => frame.at_ms <= shown.at_ms && frame.event.start_ms <= shown.event.start_ms);
  return (
    <ol class="ec-moments" aria-label={words.moments} style={{ "--n": Math.max(PLACES, moments.length) }}>
      {moments.map((frame) => (
        <li key={`${frame.event.id} ${frame.at_ms}`} class={frame === last ? "on" : ""}>
          <div style={frame.style} />
          <StraightShown frame={frame} />
          <span class="num">{ways ? words.moment(clock(frame.at_ms), cameraNamed(frame.event.camera)) : clockSeconds(frame.at_ms)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The frame that is shown instead of the best picture: the one pointed at, or one after the other. */
function useLoop(frames: readonly Frame[], peek: { share: number | null } | null): Frame | null {
  const [turn, setTurn] = useState(0);
  const runs = peek !== null && peek.share === null && !calm.matches;
  useEffect(() => {
    if (!runs) return undefined;
    setTurn(0);
    const timer = setInterval(() => setTurn((n) => n + 1), LOOK_MS);
    return () => clearInterval(timer);
  }, [runs]);
  if (!peek || frames.length < 2) return null;
  if (peek.share !== null) return frames[frameAt(peek.share, frames.length)] ?? null;
  if (!runs) return null;
  const loop = loopOf(frames);
  return loop[turn % loop.length] ?? null;
}

/** Whether the card is about to be seen, and, on a phone, whether it is in the middle of the screen. */
function useSight(card: { current: HTMLElement | null }): { near: boolean; centred: boolean } {
  const [near, setNear] = useState(false);
  const [centred, setCentred] = useState(false);
  useEffect(() => {
    if (!card.current) return undefined;
    const soon = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && setNear(true), { rootMargin: "200px" });
    soon.observe(card.current);
    const middle = new IntersectionObserver((seen) => setCentred(seen.at(-1)?.isIntersecting === true), { rootMargin: "-49% 0px -49% 0px" });
    if (touch.matches) middle.observe(card.current);
    return () => {
      soon.disconnect();
      middle.disconnect();
    };
  }, []);
  return { near, centred };
}

/** Stands where a card will be while the list is loading. */
export function CardSkeleton() {
  return (
    <article class="ec sk-card">
      <div class="ec-pic sk" />
      <div class="ec-moments">
        {Array.from({ length: PLACES }, (_, n) => <span key={n} class="sk" />)}
      </div>
      <div class="ec-body">
        <div class="grow">
          <span class="sk sk-line" />
          <span class="sk sk-line short" />
        </div>
      </div>
    </article>
  );
}
