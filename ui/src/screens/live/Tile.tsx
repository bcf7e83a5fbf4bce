import type { Live } from "../../live/useLive";
import { useLive } from "../../live/useLive";
import { LiveVideo } from "../../live/LiveVideo";
import { flipSound, soundFrom } from "../../live/sound";
import { url } from "../../api/client";
import { lost } from "../../api/state";
import { ongoing } from "../../api/events";
import type { Camera } from "../../api/types";
import { dotOf, iconOf, isByChoice, isShowing, sentence } from "../../ui/cameraWords";
import { when } from "../../ui/times";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { MotionMeter } from "../../ui/MotionMeter";
import { StateDot } from "../../ui/StateDot";
import { photoLink } from "./photo";
import { choose, tileExtra } from "./wall";
import { ServerText } from "../../ui/ServerText";
import "./tile.css";

interface Props {
  camera: Camera;
  hero: boolean;
  /** The wall has a large place that this tile could take. */
  canBeHero: boolean;
  /** So large that the large stream is worth its bytes. */
  fine: boolean;
  /** So many cameras are shown that each has to cost little, the large one too. */
  many: boolean;
}

export function Tile(props: Props) {
  return isShowing(props.camera.state) ? <Showing {...props} /> : <Quiet {...props} />;
}

function Showing({ camera, hero, canBeHero, fine, many }: Props) {
  const live = useLive(camera, fine ? "main" : "sub", true, { calm: !hero || many });
  const moving = [...ongoing.value.values()].some((event) => event.camera === camera.id);
  return (
    <article
      ref={live.frame}
      class={`tile${hero ? " hero" : ""}${moving ? " moving" : ""}`}
      data-camera={camera.id}
      data-view={live.view.value.kind}
      data-way={live.by.value.name}
    >
      <LiveVideo camera={camera} live={live} width={fine ? 1280 : 640} />
      <TileLink camera={camera} />
      <div class="tile-head">
        <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
        <b>{camera.name}</b>
        <span class="tile-state">
          <MotionMeter camera={camera.id} />
          <Behind live={live} />
        </span>
      </div>
      {camera.state === "blocked" && <p class="tile-note">{sentence(camera)}</p>}
      <NumbersBox live={live} />
      <div class="tile-acts">
        <SoundButton camera={camera} live={live} />
        <a class="ic" {...photoLink(camera)} aria-label={t.live.photo} title={t.live.photo}>
          <Icon name="camera" />
        </a>
        {tileExtra.value?.(camera, live)}
        <span class="grow" />
        {canBeHero && !hero && (
          <button
            type="button"
            class="ic"
            aria-label={t.live.makeLarge}
            title={t.live.makeLarge}
            onClick={() => choose(camera.id)}
          >
            <Icon name="layout-grid" />
          </button>
        )}
        <FullButton live={live} />
      </div>
    </article>
  );
}

function TileLink({ camera }: { camera: Camera }) {
  return (
    <a
      class="tile-link"
      href={`/live/${encodeURIComponent(camera.id)}`}
      aria-label={t.live.tile(camera.name, sentence(camera))}
    />
  );
}

const FAR_S = 3;

export function Behind({ live }: { live: Live }) {
  const behind = live.numbers.value?.delay?.seconds;
  if (lost.value || behind === undefined) return null;
  const words = behind.toFixed(1);
  return behind > FAR_S ? (
    <span class="behind far num">{t.live.farBehind(words)}</span>
  ) : (
    <span class="behind num">{t.live.behind(words)}</span>
  );
}

export function NumbersBox({ live }: { live: Live }) {
  const now = live.numbers.value;
  const { name, why } = live.by.value;
  const words = t.live.numberWords;
  if (!now && live.view.value.kind === "idle") return null;
  return (
    <div class="numbers num" data-numbers>
      {now && (
        <>
          {words.size(now.codec, now.width, now.height)}
          <br />
          {now.fps !== null && now.bit_rate !== null && (
            <>
              {words.rate(now.fps, now.of, (now.bit_rate / 1e6).toFixed(1))}
              <br />
            </>
          )}
          {now.delay ? words.delay(now.delay.seconds.toFixed(2), ms(now.delay.within_s)) : words.noDelay}
          {now.lost !== null && ` · ${words.lost(now.lost)}`}
          <br />
        </>
      )}
      {words.ways[name]}
      {now?.through && words.through[now.through]}
      <br />
      <span class="why">
        {live.slow.value ? words.slow : typeof why === "string" ? words.why[why] : words.because(why.after, why.because)}
      </span>
    </div>
  );
}

function ms(seconds: number): string {
  return Math.max(1, Math.ceil(seconds * 1000)).toFixed(0);
}

export function SoundButton({ camera, live }: { camera: Camera; live: Live }) {
  const view = live.view.value;
  if (view.kind !== "playing" || !view.sound) return null;
  const on = soundFrom.value === camera.id;
  const words = on ? t.live.soundOff : t.live.soundOn;
  return (
    <button
      type="button"
      class={`ic${on ? " on" : ""}`}
      aria-pressed={on}
      aria-label={words}
      title={words}
      data-act="sound"
      onClick={() => flipSound(camera.id)}
    >
      <Icon name={on ? "volume-2" : "volume-x"} />
    </button>
  );
}

export function FullButton({ live }: { live: Live }) {
  return (
    <button
      type="button"
      class="ic"
      aria-label={t.live.full}
      title={t.live.full}
      data-act="full"
      onClick={() => flipFull(live.frame.current, live.video.current)}
    >
      <Icon name="maximize-2" />
    </button>
  );
}

/** Fills the screen with the picture, or gives the screen back. Phones that cannot do it show the video alone. */
export function flipFull(frame: HTMLElement | null, video: HTMLVideoElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (frame?.requestFullscreen) void frame.requestFullscreen();
  else (video as { webkitEnterFullscreen?: () => void } | null)?.webkitEnterFullscreen?.();
}

/** No live picture: why, since when, and the last one there was, dimmed so that nobody takes it for now. */
function Quiet({ camera, hero }: Props) {
  const chosen = isByChoice(camera.state);
  const at = camera.last_packet_ms;
  return (
    <article class={`tile flat${hero ? " hero" : ""}`} data-camera={camera.id}>
      {!chosen && at !== null && (
        <img
          class="tile-last"
          alt=""
          src={url(`/cameras/${encodeURIComponent(camera.id)}/frame`, { at_ms: at, width: 640 })}
          onError={(event) => event.currentTarget.remove()}
        />
      )}
      <TileLink camera={camera} />
      <div class="tile-head">
        <StateDot dot={dotOf(camera.state)} />
        <b>{camera.name}</b>
        <span class="tile-state">
          {chosen ? t.states[camera.state] : at ? t.live.lastPicture(when(at)) : t.live.noPicture}
        </span>
      </div>
      <div class="quiet">
        <Icon name={iconOf(camera.state)} />
        <b>{sentence(camera)}</b>
        {camera.detail && <span><ServerText text={camera.detail} /></span>}
        {!chosen && camera.state !== "ended" && (
          <a class="btn" href="/health">
            {t.live.whatToCheck}
          </a>
        )}
      </div>
    </article>
  );
}
