import { useEffect, useState } from "preact/hooks";
import { cameras, health } from "../../api/state";
import type { Camera } from "../../api/types";
import { dotOf, iconOf, isOnWatch, isShowing, sentence } from "../../ui/cameraWords";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { Page } from "../../ui/Page";
import { type Params, go } from "../../ui/router";
import { LiveVideo } from "../../live/LiveVideo";
import type { Quality } from "../../live/rules";
import { useInstant } from "../../live/instant";
import { flipSound } from "../../live/sound";
import { type Live, useLive } from "../../live/useLive";
import { BoxesButton, BoxesOver, FiguresButton, FiguresOver, showsBoxes, showsFigures } from "../../player/figuresSwitch";
import { ZoomChip, useZoom } from "../../player/useZoom";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { MotionMeter } from "../../ui/MotionMeter";
import { Problem } from "../../ui/Problem";
import { Segmented } from "../../ui/Segmented";
import { StateDot } from "../../ui/StateDot";
import { ByHand } from "./ByHand";
import { LastHour } from "./LastHour";
import { Lately } from "./Lately";
import { photoLink } from "./photo";
import { RecordButton } from "./RecordButton";
import { TalkButton } from "./TalkButton";
import { Behind, FullButton, NumbersBox, SoundButton, flipFull } from "./Tile";
import { cameFrom, showNumbers } from "./wall";
import { ServerText } from "../../ui/ServerText";
import { SnoozeButton } from "../../ui/snoozes";
import "./focus.css";

const words = t.live.keys;
const help: KeyHelp = {
  section: words.section,
  rows: [
    { keys: ["←", "→"], words: words.move },
    { keys: ["+", "−", "0"], words: words.zoom },
    { keys: ["F"], words: words.full },
    { keys: ["S"], words: words.sound },
    { keys: ["P"], words: words.photo },
    { keys: ["Z"], words: words.snooze },
    { keys: [t.keys.space], words: t.live.talk.hold },
    { keys: ["I"], words: words.numbers },
  ],
};

export default function Focus({ params }: { params: Params }) {
  const id = params["camera"] ?? "";
  const camera = cameras.value.find((each) => each.id === id);
  useEffect(() => {
    cameFrom.value = id;
  }, [id]);
  if (!camera)
    return (
      <Page title={t.live.title} back="/">
        {health.value && <Problem icon="video-off" what={t.live.focus.gone} href="/" button={t.live.focus.wall} />}
      </Page>
    );
  return <Shown key={id} camera={camera} />;
}

function Shown({ camera }: { camera: Camera }) {
  const [quality, setQuality] = useState<Quality>("auto");
  const showing = isShowing(camera.state);
  const live = useLive(camera, quality === "light" ? "sub" : "main", showing, { keeps: quality === "original" });
  useWakeLock(showing);
  const zoom = useZoom(live.frame);
  const shown = useInstant(live, showsFigures() || showsBoxes());

  const step = (by: number) => {
    const all = cameras.peek();
    const at = all.findIndex((each) => each.id === camera.id);
    const next = all[(at + by + all.length) % all.length];
    if (next) go(`/live/${encodeURIComponent(next.id)}`, { replace: true });
  };
  useKeys(
    {
      Escape: () => (zoom.scale > 1 ? zoom.reset() : go("/")),
      "+": zoom.in,
      "=": zoom.in,
      "-": zoom.out,
      "0": zoom.reset,
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      f: () => flipFull(live.frame.current, live.video.current),
      s: () => flipSound(camera.id),
      i: () => {
        showNumbers.value = !showNumbers.value;
      },
      p: () => document.querySelector<HTMLElement>("a[data-act=photo]")?.click(),
      z: () => document.querySelector<HTMLElement>("[data-act=snooze]")?.click(),
    },
    help,
  );

  return (
    <Page title={camera.name} back="/" class={`focus${showNumbers.value ? " show-numbers" : ""}`}>
      <section class="focus-main">
        <figure ref={live.frame} class="tile focus-picture can-zoom" data-camera={camera.id} data-view={live.view.value.kind} data-way={live.by.value.name}>
          {showing ? (
            <>
              <LiveVideo camera={camera} live={live} width={1280} />
              <div class="tile-head">
                <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
                <b>{sentence(camera)}</b>
                <span class="tile-state">
                  <MotionMeter camera={camera.id} />
                  <Behind live={live} />
                </span>
              </div>
              <NumbersBox live={live} />
              <FiguresOver camera={camera.id} name={camera.name} frame={live.frame} shown={shown} live />
              <BoxesOver camera={camera.id} frame={live.frame} shown={shown} />
              <ZoomChip zoom={zoom} />
            </>
          ) : (
            <div class="quiet focus-quiet">
              <Icon name={iconOf(camera.state)} />
              <b>{sentence(camera)}</b>
              {camera.detail && <span><ServerText text={camera.detail} /></span>}
              <a class="btn" href="/health">
                {t.live.whatToCheck}
              </a>
            </div>
          )}
        </figure>
        <Controls camera={camera} live={live} quality={quality} onQuality={setQuality} showing={showing} />
        {showing && <ByHand key={camera.id} camera={camera} />}
        <LastHour key={camera.id} camera={camera} />
      </section>
      <Lately camera={camera} />
    </Page>
  );
}

interface ControlsProps {
  camera: Camera;
  live: Live;
  quality: Quality;
  onQuality: (quality: Quality) => void;
  showing: boolean;
}

function Controls({ camera, live, quality, onQuality, showing }: ControlsProps) {
  const words = t.live.focus;
  const { main, sub } = camera.streams;
  const way = live.way.value;
  return (
    <div class="focus-acts">
      {showing && (
        <>
          <SoundButton camera={camera} live={live} />
          <TalkButton key={camera.id} camera={camera} />
          <a class="ic" {...photoLink(camera)} data-act="photo" aria-label={t.live.photo} title={t.live.photo}>
            <Icon name="camera" />
          </a>
          <BoxesButton class="ic" />
          <FiguresButton class="ic" />
          <FullButton live={live} />
          {main && sub && (quality !== "auto" || !way.instead) && (
            <Segmented
              label={words.picture}
              value={quality}
              options={[
                { value: "auto", label: words.auto },
                { value: "original", label: words.original },
                { value: "light", label: words.light },
              ]}
              onChange={onQuality}
            />
          )}
          {way.instead && (
            <p class="small sub focus-instead">
              {way.by === "video" ? t.live.smallInstead : t.live.picturesInstead}
              {isOnWatch(camera.state) && ` ${t.live.notAffected}`}
            </p>
          )}
        </>
      )}
      <RecordButton camera={camera} />
      <span class="grow" />
      <SnoozeButton key={camera.id} camera={camera.id} />
      <a class="btn" href={`/timeline?cam=${encodeURIComponent(camera.id)}`}>
        <Icon name="history" small />
        {words.openTimeline}
      </a>
    </div>
  );
}

/** Keeps the screen on while somebody watches; only offered by browsers at a secure address. */
function useWakeLock(on: boolean): void {
  useEffect(() => {
    if (!on || !isSecureContext || !("wakeLock" in navigator)) return undefined;
    let lock: WakeLockSentinel | null = null;
    let gone = false;
    const ask = () => {
      if (document.hidden || gone) return;
      navigator.wakeLock.request("screen").then(
        (given) => {
          if (gone) void given.release();
          else lock = given;
        },
        () => {
          // A phone that saves its battery says no, and may.
        },
      );
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      gone = true;
      document.removeEventListener("visibilitychange", ask);
      void lock?.release();
    };
  }, [on]);
}
