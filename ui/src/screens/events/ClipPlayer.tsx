import type { Signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { serverNow } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { BoxesButton, BoxesOver } from "../../player/figuresSwitch";
import { UnlockButton, UnlockSheet } from "../../sealed/Locked";
import { sealed } from "../../strings/sealed";
import { unlocks } from "../../sealed/unlocks";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";

const words = t.events.player;
const LOCKED = 423;
/** Pre-roll of a camera that says nothing of it. */
const USUAL_BEFORE_MS = 5_000;

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
  event: TawnyEvent;
  /** Is told the instant of the picture shown, ms UTC; null while that is the event's own picture. */
  shown?: Signal<number | null>;
  /** Gets what shows an instant, ms UTC. */
  seek?: { current: (at_ms: number) => void };
}

/** One event's clip with its own bar from beginning to end. */
export function ClipPlayer({ event, shown, seek }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const clip = useRef<HTMLDivElement>(null);
  const start_ms = useRef<number | null>(null);
  const [state, setState] = useState<"still" | "playing" | "failed" | "sealed">("still");
  const unlocked = unlocks.value;
  const [tries, setTries] = useState(1);
  const film = useMemo(() => filmNow(event, serverNow()), [event.clip, event.end_ms, tries]);
  useEffect(() => setState("still"), [unlocked, film, tries]);
  const [at, setAt] = useState(0);
  const [long, setLong] = useState(0);
  const [loud, setLoud] = useState(false);

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
    if (long > 0) void startOf(film, event).then((ms) => !gone && (start_ms.current = ms));
    return () => {
      gone = true;
    };
  }, [film, long > 0]);
  const instant = (): number | null => {
    const node = video.current;
    if (!node || start_ms.current === null || (node.paused && node.played.length === 0 && at === 0)) return null;
    return start_ms.current + node.currentTime * 1000;
  };
  useEffect(() => {
    if (shown) shown.value = instant();
  }, [at, state]);
  if (seek)
    seek.current = (at_ms) => {
      if (video.current && start_ms.current !== null) video.current.currentTime = Math.max(0, (at_ms - start_ms.current) / 1000);
    };
  const boxes = <BoxesOver key={event.id} camera={event.camera} frame={frame} shown={instant} events={() => [event]} best={event} />;

  if (event.end_ms === null)
    return (
      <div class="clip">
        <div ref={frame} class="clip-frame">
          {event.snapshot && <img class="clip-picture" alt="" src={event.snapshot} />}
          {event.snapshot && boxes}
        </div>
        <p class="clip-note">{words.notYet}</p>
      </div>
    );
  if (state === "failed")
    return (
      <div class="clip">
        {event.snapshot && <img class="clip-picture dim" alt="" src={event.snapshot} />}
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
    if (node.paused) node.play().catch(() => setState(node.error ? "failed" : "still"));
    else node.pause();
  };
  return (
    <div ref={clip} class={`clip ${state}`}>
      <div ref={frame} class="clip-frame">
        <video
          ref={video}
          class="clip-picture"
          src={film}
          poster={event.snapshot ?? undefined}
          preload="metadata"
          playsInline
          muted={!loud}
          onClick={flip}
          onPlay={() => setState("playing")}
          onPause={() => setState("still")}
          onLoadedMetadata={(loaded) => setLong(loaded.currentTarget.duration)}
          onTimeUpdate={(moved) => setAt(moved.currentTarget.currentTime)}
          onError={() => void isSealed(event.clip).then((yes) => setState(yes ? "sealed" : "failed"))}
        />
        {boxes}
      </div>
      {state === "still" && at === 0 && (
        <button type="button" class="clip-start" aria-label={words.play} onClick={flip}>
          <Icon name="play" />
        </button>
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
          value={at}
          aria-label={words.position}
          aria-valuetext={words.of(clipTime(at), clipTime(long))}
          onInput={(moved) => {
            const to = Number(moved.currentTarget.value);
            setAt(to);
            if (video.current) video.current.currentTime = to;
          }}
        />
        <span class="num tiny">{words.of(clipTime(at), clipTime(long))}</span>
        <button
          type="button"
          class="clip-button"
          aria-pressed={loud}
          aria-label={loud ? words.soundOff : words.soundOn}
          onClick={() => setLoud(!loud)}
        >
          <Icon name={loud ? "volume-2" : "volume-x"} small />
        </button>
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
