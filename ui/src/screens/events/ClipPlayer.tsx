import type { Signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { pictureOf } from "../../api/events";
import { cameraNamed, cameras, serverNow } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { BoxesButton, BoxesOver } from "../../player/figuresSwitch";
import { Straight } from "../../live/straight";
import { UnlockButton, UnlockSheet } from "../../sealed/Locked";
import { sealed } from "../../strings/sealed";
import { visits } from "../../strings/visits";
import { unlocks } from "../../sealed/unlocks";
import { t } from "../../strings";
import { events as eventsText } from "../../strings/events";
import { ZoomChip, useZoom } from "../../player/useZoom";
import { Icon } from "../../ui/Icon";
import { SoundButton } from "../../ui/SoundButton";

const words = eventsText.player;
const LOCKED = 423;
/** Pre-roll and post-roll of a camera that says nothing of them. */
const USUAL_BEFORE_MS = 5_000;
const USUAL_AFTER_MS = 10_000;

/** What is newer may not be on the disk yet. */
const WRITTEN_MS = 3_000;
/** No camera keeps more than this after an event. */
const MOST_AFTER_MS = 300_000;

/** A browser asks for a clip in parts: while what follows the event is still recorded, they must be of one film. */
export function filmNow({ clip, end_ms }: TawnyEvent, now_ms: number): string {
  const isWhole = end_ms !== null && now_ms - end_ms > MOST_AFTER_MS + WRITTEN_MS;
  return isWhole ? clip : `${clip}?to_ms=${Math.round(now_ms - WRITTEN_MS)}`;
}

/** `1:05`. */
export function clipTime(s: number): string {
  const whole = Math.max(0, Math.floor(s));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The events whose clips show a visit one after the other: none that lies within another of its camera. */
export function partsOf(events: readonly TawnyEvent[]): TawnyEvent[] {
  const over = events.filter((event) => event.end_ms !== null);
  return over.filter(
    (event, n) =>
      !over.some(
        (other, m) =>
          m !== n &&
          other.camera === event.camera &&
          other.start_ms <= event.start_ms &&
          Number(other.end_ms) >= Number(event.end_ms) &&
          (m < n || other.start_ms < event.start_ms || Number(other.end_ms) > Number(event.end_ms)),
      ),
  );
}

/** The part that is shown at a place of the whole, and the place in it, s. */
export function partAt(at_s: number, lengths: readonly number[]): { part: number; at_s: number } {
  let left = Math.max(0, at_s);
  for (const [part, long] of lengths.entries()) {
    if (left < long || part === lengths.length - 1) return { part, at_s: Math.min(left, long) };
    left -= long;
  }
  return { part: 0, at_s: 0 };
}

/** What came in place of a clip: a video element does not say. */
async function isSealed(clip: string): Promise<boolean> {
  try {
    const answer = await fetch(clip, { headers: { Range: "bytes=0-0" } });
    await answer.body?.cancel();
    return answer.status === LOCKED;
  } catch {
    return false;
  }
}

/** The time 0 of a clip, ms UTC. */
async function startOf(film: string, event: TawnyEvent): Promise<number> {
  try {
    const answer = await fetch(film, { method: "HEAD" });
    return Number(answer.headers.get("X-Start-Ms")) || event.start_ms - USUAL_BEFORE_MS;
  } catch {
    return event.start_ms - USUAL_BEFORE_MS;
  }
}

interface Props {
  /** The visit's events, oldest first. */
  events: readonly TawnyEvent[];
  /** Is told the instant of the picture shown, ms UTC; null while that is the event's own picture. */
  shown?: Signal<number | null>;
  /** Is told the event whose clip is shown. */
  of?: Signal<string | null>;
  /** Gets what shows an event at an instant, ms UTC. */
  seek?: { current: (event: TawnyEvent, at_ms: number, plays?: boolean) => void };
  /** The event whose picture is shown before anything plays. */
  best: TawnyEvent;
  /** ID of the event to begin with; without it, that is the first. */
  first?: string | undefined;
}

/** The clips of a visit, of all its cameras one after the other, with one bar from its beginning to its end. */
export function ClipPlayer({ events, best, first, shown, of, seek }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const clip = useRef<HTMLDivElement>(null);
  const zoom = useZoom(frame, undefined, true);
  const start_ms = useRef<number | null>(null);
  const wanted = useRef<{ at_s?: number; at_ms?: number; plays: boolean } | null>(null);
  const [state, setState] = useState<"still" | "playing" | "failed" | "sealed">("still");
  const unlocked = unlocks.value;
  const [tries, setTries] = useState(1);
  const parts = useMemo(() => partsOf(events), [events]);
  const [chosen, setChosen] = useState<string | null>(first ?? null);
  /** It goes on with the same event when another one comes before it. */
  const last = useRef<string | null>(null);
  const n = Math.max(0, parts.findIndex((part) => part.id === (chosen ?? last.current)));
  const event = parts[n] ?? best;
  last.current = event.id;
  const film = useMemo(() => filmNow(event, serverNow()), [event.clip, event.end_ms, tries]);
  useEffect(() => setState("still"), [unlocked, tries]);
  const [at, setAt] = useState(0);
  const [known, setKnown] = useState<Readonly<Record<string, number>>>({});
  const [loud, setLoud] = useState(false);
  const lengths = parts.map((part) => known[part.id] ?? (Number(part.end_ms) - part.start_ms + USUAL_BEFORE_MS + USUAL_AFTER_MS) / 1000);
  const before = lengths.slice(0, n).reduce((sum, one) => sum + one, 0);
  const long = lengths.reduce((sum, one) => sum + one, 0);
  const isLoaded = known[event.id] !== undefined;
  const untouched = (chosen === null || chosen === first) && state === "still" && at === 0;

  useEffect(() => {
    if (state !== "playing") return undefined;
    let frame = requestAnimationFrame(function follow() {
      setAt(video.current?.currentTime ?? 0);
      frame = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(frame);
  }, [state]);
  useEffect(() => {
    let gone = false;
    start_ms.current = null;
    if (isLoaded)
      void startOf(film, event).then((ms) => {
        if (gone) return;
        start_ms.current = ms;
        arrive();
      });
    return () => {
      gone = true;
    };
  }, [film, isLoaded]);
  useEffect(() => {
    if (of) of.value = untouched && !first ? best.id : event.id;
  }, [event.id, untouched]);

  /** Shows what was asked for while its clip was not there yet. */
  const arrive = () => {
    const node = video.current;
    const { at_s, at_ms, plays } = wanted.current ?? {};
    if (!node || !wanted.current || node.readyState < 1) return;
    const place = at_s ?? (at_ms === undefined || start_ms.current === null ? null : Math.max(0, (at_ms - start_ms.current) / 1000));
    if (place === null) return;
    wanted.current = null;
    node.currentTime = place;
    setAt(place);
    if (plays) play();
  };
  const show = (part: number, place: { at_s?: number; at_ms?: number }, plays: boolean) => {
    const next = parts[part];
    if (!next) return;
    wanted.current = { ...place, plays };
    if (next.id === event.id) {
      setChosen(next.id);
      arrive();
      return;
    }
    setChosen(next.id);
    setAt(0);
  };
  const play = () => {
    const node = video.current;
    node?.play().catch(() => setState(node.error ? "failed" : "still"));
  };
  const instant = (): number | null => {
    const node = video.current;
    if (!node || start_ms.current === null || (node.paused && node.played.length === 0 && at === 0)) return null;
    return start_ms.current + node.currentTime * 1000;
  };
  useEffect(() => {
    if (shown) shown.value = instant();
  }, [at, state]);
  if (seek)
    seek.current = (which, at_ms, plays = false) => {
      const found = parts.findIndex((part) => part.id === which.id || (part.camera === which.camera && part.start_ms <= at_ms && at_ms <= Number(part.end_ms)));
      show(found, { at_ms }, plays || state === "playing");
    };
  const picture = untouched && !first ? best : event;
  const shownCamera = cameras.value.find((each) => each.id === picture.camera);
  const straight = shownCamera && <Straight camera={shownCamera} />;
  const boxes = <BoxesOver key={event.id} camera={picture.camera} frame={frame} shown={instant} events={() => [event]} best={picture} />;

  if (parts.length === 0)
    return (
      <div class="clip">
        <div ref={frame} class="clip-frame can-zoom">
          {best.snapshot && <img class="clip-picture" alt="" src={pictureOf(best) ?? ""} />}
          {best.snapshot && straight}
          {best.snapshot && boxes}
          <ZoomChip zoom={zoom} />
        </div>
        <p class="clip-note">{words.notYet}</p>
      </div>
    );
  if (state === "failed")
    return (
      <div class="clip">
        {event.snapshot && <img class="clip-picture dim" alt="" src={pictureOf(event) ?? ""} />}
        <p class="clip-note" role="alert">
          <b>{words.failed}</b> {words.failedDo}
        </p>
        <div class="clip-note">
          <button type="button" class="btn" onClick={() => setTries(tries + 1)}>
            {t.actions.tryAgain}
          </button>
        </div>
      </div>
    );

  if (state === "sealed")
    return (
      <div class="clip">
        <p class="clip-note">
          <b>{sealed.locked.title}.</b> {sealed.locked.sub}
        </p>
        <div class="clip-note">
          <UnlockButton />
        </div>
        <UnlockSheet />
      </div>
    );

  const flip = () => {
    const node = video.current;
    if (!node) return;
    if (!node.paused) node.pause();
    else if (node.ended && n === parts.length - 1) show(0, { at_s: 0 }, true);
    else play();
  };
  return (
    <div ref={clip} class={`clip ${state}`}>
      <div ref={frame} class="clip-frame can-zoom">
        <video
          ref={video}
          class="clip-picture"
          src={film}
          poster={pictureOf(picture) ?? undefined}
          preload="metadata"
          playsInline
          muted={!loud}
          onClick={flip}
          onPlay={() => setState("playing")}
          onPause={({ currentTarget }) => {
            if (!currentTarget.ended || n === parts.length - 1) setState("still");
          }}
          onEnded={() => {
            if (n < parts.length - 1) show(n + 1, { at_s: 0 }, true);
          }}
          onLoadedMetadata={({ currentTarget: { duration } }) => {
            setKnown((all) => ({ ...all, [event.id]: duration }));
            arrive();
          }}
          onTimeUpdate={(moved) => setAt(moved.currentTarget.currentTime)}
          onError={() => void isSealed(event.clip).then((yes) => setState(yes ? "sealed" : "failed"))}
        />
        {straight}
        {boxes}
        <ZoomChip zoom={zoom} />
        {parts.length > 1 && (first !== undefined || !untouched) && <span class="clip-camera">{cameraNamed(event.camera)}</span>}
      </div>
      {untouched && (
        <button type="button" class="clip-start" aria-label={words.play} onClick={flip}>
          <Icon name="play" />
        </button>
      )}
      {parts.length > 1 && (
        <div class="clip-parts" aria-hidden="true" title={visits.drawer.parts}>
          {parts.map((part, at) => (
            <i key={part.id} class={at === n && !untouched ? "on" : ""} style={{ flexGrow: lengths[at] }} />
          ))}
        </div>
      )}
      <div class="clip-bar">
        <button
          type="button"
          class="clip-button"
          data-act="play"
          aria-label={state === "playing" ? words.pause : words.play}
          onClick={flip}
        >
          <Icon name={state === "playing" ? "pause" : "play"} small />
        </button>
        <input
          type="range"
          min={0}
          max={Math.max(long, 0.1)}
          step={0.05}
          value={before + at}
          aria-label={words.position}
          aria-valuetext={words.of(clipTime(before + at), clipTime(long))}
          onInput={(moved) => {
            const to = partAt(Number(moved.currentTarget.value), lengths);
            show(to.part, { at_s: to.at_s }, state === "playing");
          }}
        />
        <span class="num tiny">{words.of(clipTime(before + at), clipTime(long))}</span>
        <SoundButton class="clip-button" on={loud} onFlip={setLoud} />
        <BoxesButton class="clip-button" small />
        <button type="button" class="clip-button" aria-label={words.full} onClick={() => flipFull(clip.current, video.current)}>
          <Icon name="maximize-2" small />
        </button>
      </div>
    </div>
  );
}

/** With what is drawn over the picture. Phones that cannot do it show the video alone. */
function flipFull(clip: HTMLElement | null, video: HTMLVideoElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (clip?.requestFullscreen) void clip.requestFullscreen();
  else (video as { webkitEnterFullscreen?: () => void } | null)?.webkitEnterFullscreen?.();
}
