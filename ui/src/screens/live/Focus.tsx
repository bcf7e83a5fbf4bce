import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { cameraPath, url } from "../../api/client";
import { cameras, health } from "../../api/state";
import type { Camera } from "../../api/types";
import { within } from "../../api/within";
import { dotOf, iconOf, isByChoice, isOnWatch, isShowing, sentence } from "../../ui/cameraWords";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { Page } from "../../ui/Page";
import { type Params, go, isAlone } from "../../ui/router";
import { LiveVideo } from "../../live/LiveVideo";
import { imageClass } from "../../live/rules";
import { Straight } from "../../live/straight";
import type { Quality } from "../../live/rules";
import { useInstant } from "../../live/instant";
import { flipSound, moveSound } from "../../live/sound";
import { type Live, useLive } from "../../live/useLive";
import { useWakeLock } from "../../live/wakeLock";
import { BoxesOver, FiguresButton, FiguresOver, showsBoxes, showsFigures } from "../../player/figuresSwitch";
import { classSideways, sideways, useControls } from "../../player/sideways";
import { SwipeName, neighboursOf, useSwipe } from "../../player/useSwipe";
import { ZoomChip, useZoom } from "../../player/useZoom";
import { t } from "../../strings";
import { talk } from "../../strings/talk";
import { controls } from "../../strings/controls";
import { Icon } from "../../ui/Icon";
import { MotionMeter } from "../../ui/MotionMeter";
import { Problem } from "../../ui/Problem";
import { Segmented } from "../../ui/Segmented";
import { ServerText } from "../../ui/ServerText";
import { SnoozeButton } from "../../ui/snoozes";
import { StateDot } from "../../ui/StateDot";
import { isScreen } from "../../ui/session";
import { CastAct, DoingActs, FullAct, MoreActs, PhotoAct, QuietActs, SettingsAct, SnoozedMark, SoundAct, classOf } from "./Controls";
import { LastHour } from "./LastHour";
import { Lately } from "./Lately";
import { arranged, layout, loadLayout } from "./layout";
import { Behind, LastPicture, NumbersBox, flipFull, quietWords } from "./Tile";
import { cameFrom, showNumbers, wallPath } from "./wall";
import { WindowActs, pageOf } from "./Windows";
import "./focus.css";

const { figures: figuresWord } = controls;
const words = t.live.keys;
const help: KeyHelp = {
  section: words.section,
  rows: [
    { keys: ["↑", "↓", "←", "→"], words: words.move },
    { keys: ["+", "−", "0"], words: words.zoom },
    { keys: ["R"], words: words.record },
    { keys: ["V"], words: words.privacy },
    ...(within ? [] : [{ keys: ["Z"], words: words.snooze }]),
    { keys: [t.keys.space], words: talk.hold },
    { keys: ["S"], words: t.live.sound },
    { keys: ["P"], words: words.photo },
    { keys: ["F"], words: words.full },
    { keys: ["B"], words: words.boxes },
    { keys: ["I"], words: words.numbers },
  ],
};

export default function Focus({ params }: { params: Params }) {
  const id = params["camera"] ?? "";
  const all = arranged(cameras.value, { ...layout.value, group: "" });
  const camera = all.find((each) => each.id === id);
  const shown = useControls();
  useEffect(() => {
    cameFrom.value = id;
    moveSound(id);
  }, [id]);
  useEffect(() => {
    loadLayout().catch(() => {}); // without a connection, which the page says, the usual order does
  }, []);
  if (!camera)
    return (
      <Page title={t.live.title} back="/">
        {health.value && <Problem icon="video-off" what={t.live.focus.gone} href="/" button={t.live.focus.wall} />}
      </Page>
    );
  if (isAlone()) return <Alone key={id} camera={camera} all={all} />;
  return (
    <Page title={camera.name} back={wallPath.value} tools={!narrow.matches && <SettingsAct camera={camera} look="words" />} class={`focus${showNumbers.value ? " show-numbers" : ""}${classSideways(shown.value)}`}>
      {sideways.value && (
        <a class="side-back over-picture" href={wallPath.value} aria-label={t.actions.back}>
          <Icon name="chevron-left" />
        </a>
      )}
      <Shown key={id} camera={camera} all={all} />
      <aside class="focus-side">
        {all.length > 1 && (
          <nav class="others" aria-label={t.live.focus.others}>
            {all.map((each) => (
              <Other key={each.id} camera={each} here={each.id === id} />
            ))}
          </nav>
        )}
        <Lately camera={camera} />
      </aside>
    </Page>
  );
}

/** In a window of its own: the picture from edge to edge, with its buttons while it is pointed at. */
function Alone({ camera, all }: { camera: Camera; all: readonly Camera[] }) {
  useEffect(() => {
    document.title = `${camera.name} – ${t.name}`;
  }, [camera.name]);
  return (
    <main id="main" tabIndex={-1} class={`focus focus-alone${showNumbers.value ? " show-numbers" : ""}`}>
      <h1 class="hidden">{camera.name}</h1>
      <Shown camera={camera} all={all} />
    </main>
  );
}

/** Another camera, small: a click shows it here instead. The one that is shown large plays there only. */
function Other({ camera, here }: { camera: Camera; here: boolean }) {
  const showing = isShowing(camera.state);
  const live = useLive(camera, "sub", showing && !here, { calm: true });
  const to = `/live/${encodeURIComponent(camera.id)}`;
  return (
    <a
      class={`other${here ? " on" : ""}`}
      href={to}
      aria-current={here ? "page" : undefined}
      aria-label={t.live.tile(camera.name, sentence(camera))}
      onClick={(event) => {
        event.preventDefault();
        go(to, { replace: true });
      }}
    >
      <span ref={live.frame as RefObject<HTMLSpanElement>} class="other-picture" data-view={live.view.value.kind}>
        {showing && here && <img class={imageClass("live-picture", camera)} alt="" src={url(`${cameraPath(camera.id)}/snapshot`, { width: 320 })} />}
        {showing && here && <Straight camera={camera} still />}
        {showing && !here && <LiveVideo camera={camera} live={live} width={320} />}
        {!showing && <LastPicture camera={camera} />}
        {!showing && <Icon name={iconOf(camera.state)} />}
      </span>
      <b>{camera.name}</b>
    </a>
  );
}

function Shown({ camera, all }: { camera: Camera; all: readonly Camera[] }) {
  const [quality, setQuality] = useState<Quality>("auto");
  const showing = isShowing(camera.state);
  const live = useLive(camera, quality === "light" ? "sub" : "main", showing, { keeps: quality === "original" });
  useWakeLock(showing);
  const zoom = useZoom(live.frame);
  const shown = useInstant(live, showsFigures() || showsBoxes());
  const at = all.findIndex((each) => each.id === camera.id);

  const beside = neighboursOf(all, at);
  const step = (by: number) => {
    const next = by < 0 ? beside?.previous : beside?.next;
    if (next) go(pageOf(next), { replace: true });
  };
  const swipe = useSwipe(live.frame, zoom.scale > 1, beside && step);
  const press = (act: string) => () => document.querySelector<HTMLElement>(`.focus-acts [data-act=${act}]`)?.click();
  useKeys(
    {
      Escape: () => (zoom.scale > 1 ? zoom.reset() : isAlone() ? false : go(wallPath.peek())),
      "+": zoom.in,
      "=": zoom.in,
      "-": zoom.out,
      "0": zoom.reset,
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      ArrowUp: () => step(-1),
      ArrowDown: () => step(1),
      f: () => flipFull(camera, live),
      s: () => flipSound(camera.id),
      i: () => {
        showNumbers.value = !showNumbers.value;
      },
      b: press("boxes"),
      p: press("photo"),
      r: press("record"),
      v: press("privacy"),
      z: press("snooze"),
    },
    help,
  );
  const quiet = quietWords(camera);
  return (
    <section class="focus-main">
      <figure
        ref={live.frame}
        class="tile focus-picture can-zoom"
        data-camera={camera.id}
        data-state={camera.state}
        data-view={live.view.value.kind}
        data-way={live.by.value.name}
      >
        <SwipeName swipe={swipe} who={beside && { previous: beside.previous.name, next: beside.next.name }} />
        {showing ? (
          <>
            <LiveVideo camera={camera} live={live} width={1280} heard turns />
            <div class="tile-head over-picture" translate={false}>
              <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
              <b>{camera.name}</b>
              <span>{sentence(camera)}</span>
              <span class="tile-state">
                <SnoozedMark camera={camera} />
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
          <>
            <LastPicture camera={camera} />
            <div class="quiet focus-quiet">
              <Icon name={iconOf(camera.state)} />
              <b translate={false}>{quiet.title}</b>
              {quiet.sub && <span translate={false}><ServerText text={quiet.sub} /></span>}
              <QuietActs camera={camera} />
              {!isByChoice(camera.state) && camera.state !== "ended" && camera.state !== "asleep" && (
                <a class="btn" href="/health" target={isAlone() ? "_blank" : undefined}>
                  {t.live.whatToCheck}
                </a>
              )}
            </div>
          </>
        )}
      </figure>
      {beside && !isAlone() && (
        <div class="focus-dots over-picture">
          <button type="button" class="focus-beside" aria-label={t.live.focus.previous(beside.previous.name)} onClick={() => step(-1)}>
            <Icon name="chevron-left" small />
            <span>{beside.previous.name}</span>
          </button>
          {all.length <= MOST_DOTS && (
            <span aria-hidden="true">
              {all.map((each) => (
                <i key={each.id} class={each.id === camera.id ? "on" : ""} />
              ))}
            </span>
          )}
          <button type="button" class="focus-beside" aria-label={t.live.focus.next(beside.next.name)} onClick={() => step(1)}>
            <span>{beside.next.name}</span>
            <Icon name="chevron-right" small />
          </button>
        </div>
      )}
      <Buttons camera={camera} live={live} quality={quality} onQuality={setQuality} showing={showing} />
      {!sideways.value && !isAlone() && <LastHour key={camera.id} camera={camera} />}
    </section>
  );
}

interface ButtonsProps {
  camera: Camera;
  live: Live;
  quality: Quality;
  onQuality: (quality: Quality) => void;
  showing: boolean;
}

/** In one line, the most wanted first: what does not fit is left out until a key reaches it. */
function AloneButtons({ camera, live }: { camera: Camera; live: Live }) {
  const look = "round";
  return (
    <div class="focus-acts over-picture">
      <SoundAct camera={camera} live={live} look={look} />
      <FullAct camera={camera} live={live} look={look} />
      <PhotoAct camera={camera} live={live} look={look} />
      <WindowActs key={camera.id} camera={camera} live={live} look={look} />
      <DoingActs camera={camera} look={look} keys />
      <MoreActs camera={camera} look={look} />
    </div>
  );
}

const narrow = matchMedia("(max-width: 47.5em)");
const MOST_DOTS = 8;

/** With words; on a phone large, four in a row. */
function Buttons({ camera, live, quality, onQuality, showing }: ButtonsProps) {
  const words = t.live.focus;
  const { main, sub } = camera.streams;
  const way = live.way.value;
  if (isAlone()) return showing ? <AloneButtons camera={camera} live={live} /> : null;
  const look = sideways.value ? "round" : narrow.matches ? "big" : "words";
  return (
    <div class={`focus-acts over-picture${look === "big" ? " act-grid" : ""}`}>
      {showing ? (
        <>
          <DoingActs camera={camera} look={look} keys />
          <SoundAct camera={camera} live={live} look={look} />
          <PhotoAct camera={camera} look={look} live={live} />
          <MoreActs camera={camera} look={look} />
          <WindowActs key={camera.id} camera={camera} live={live} look={look === "big" ? "big" : "round"} />
          <FiguresButton class={classOf(look)} words={look === "big" ? figuresWord : ""} />
          <FullAct camera={camera} live={live} look={look === "big" ? "big" : "round"} />
        </>
      ) : (
        !isScreen() && (
          <>
            <SnoozeButton camera={camera.id} class={classOf(look)} />
            <CastAct camera={camera} look={look} />
          </>
        )
      )}
      {look === "big" && <SettingsAct camera={camera} look={look} />}
      <span class="grow" />
      {showing && main && sub && (quality !== "auto" || !way.instead) && (
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
      {showing && way.instead && (
        <p class="small sub focus-instead">
          {way.by === "video" ? t.live.smallInstead : t.live.picturesInstead}
          {isOnWatch(camera.state) && ` ${t.live.notAffected}`}
        </p>
      )}
    </div>
  );
}
