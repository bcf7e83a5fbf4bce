import type { Live } from "../../live/useLive";
import { useLive } from "../../live/useLive";
import { LiveVideo } from "../../live/LiveVideo";
import { imageClass } from "../../live/rules";
import { cameraPath, url } from "../../api/client";
import { lost } from "../../api/state";
import { ongoing } from "../../api/events";
import { modes } from "../../api/modes";
import type { Camera } from "../../api/types";
import { dotOf, iconOf, isByChoice, isShowing, sentence } from "../../ui/cameraWords";
import { KINDS } from "../../ui/kinds";
import { modeName } from "../../ui/modeNames";
import { decimal, when } from "../../ui/times";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { MotionMeter } from "../../ui/MotionMeter";
import { StateDot } from "../../ui/StateDot";
import type { Size } from "./layout";
import { cameFrom, tileParts } from "./wall";
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
  /** Cells it takes, in a layout. */
  size?: Size;
}

export function Tile(props: Props) {
  return isShowing(props.camera.state) ? <Showing {...props} /> : <Quiet {...props} />;
}

function Showing({ camera, hero, canBeHero, fine, many, size }: Props) {
  const live = useLive(camera, fine ? "main" : "sub", true, { calm: !hero || many });
  const moving = [...ongoing.value.values()].some((event) => event.camera === camera.id && KINDS.includes(event.type) && event.type !== "motion");
  return (
    <article
      ref={live.frame}
      class={`tile${hero ? " hero" : ""}${moving ? " moving" : ""}`}
      data-size={size}
      data-camera={camera.id}
      data-view={live.view.value.kind}
      data-way={live.by.value.name}
    >
      <LiveVideo camera={camera} live={live} width={fine ? 1280 : 640} heard />
      <TileLink camera={camera} />
      <div class="tile-head" translate={false}>
        <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
        <b>{camera.name}</b>
        <span class="tile-state">
          {tileParts.value?.head(camera)}
          <MotionMeter camera={camera.id} />
          <Behind live={live} />
        </span>
      </div>
      {camera.state === "blocked" && <p class="tile-note" translate={false}>{sentence(camera)}</p>}
      <NumbersBox live={live} />
      {tileParts.value?.acts({ camera, live, hero, canBeHero })}
    </article>
  );
}

function TileLink({ camera }: { camera: Camera }) {
  return (
    <a
      class="tile-link"
      href={`/live/${encodeURIComponent(camera.id)}`}
      aria-label={t.live.tile(camera.name, sentence(camera))}
      onClick={() => {
        cameFrom.value = camera.id;
      }}
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
    <div class="numbers num" translate={false} data-numbers>
      {now && (
        <>
          {words.size(now.codec, now.width, now.height)}
          <br />
          {now.fps !== null && now.bit_rate !== null && (
            <>
              {words.rate(now.fps, now.of, decimal(now.bit_rate / 1e6))}
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
        {typeof why !== "string" ? words.because(why.after, why.because) : live.slow.value ? words.slow : words.why[why]}
      </span>
    </div>
  );
}

function ms(seconds: number): string {
  return Math.max(1, Math.ceil(seconds * 1000)).toFixed(0);
}

/** Phones that cannot do it show the video alone: not of a camera with privacy masks, which lie over it in the page. */
export const canFill = (camera: Camera): boolean => document.fullscreenEnabled || camera.mask.parts.length === 0;

/** Fills the screen with the picture, or gives the screen back. */
export function flipFull(camera: Camera, { frame: { current: frame }, video: { current: video } }: Live): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (frame?.requestFullscreen) void frame.requestFullscreen();
  else if (canFill(camera)) (video as { webkitEnterFullscreen?: () => void } | null)?.webkitEnterFullscreen?.();
}

/** Why a camera that someone chose to be quiet is so: by whom and until when, from the overrides and the mode. */
export function quietWords(camera: Camera): { title: string; sub: string } {
  const now = modes.value;
  const hold = now?.holds.find((one) => one.camera === camera.id && one.what === "pause");
  if (camera.state === "paused" && hold) {
    const title = hold.until_ms === null ? t.live.private.open : t.live.private.until(when(hold.until_ms));
    return { title, sub: t.live.private.by(hold.by, when(hold.since_ms)) };
  }
  if ((camera.state === "mode_off" || camera.state === "paused") && now) {
    const words = t.live.off;
    const who = now.by === "schedule" ? words.schedule : now.by === "presence" ? words.presence : words.who(now.by);
    const until_ms = now.until_ms ?? now.ahead[0]?.at_ms ?? null;
    const title = camera.state === "paused" ? t.live.private.mode(modeName(now.mode)) : words.mode(modeName(now.mode));
    return { title, sub: words.by(who, until_ms === null ? "" : when(until_ms)) };
  }
  return { title: sentence(camera), sub: camera.detail };
}

/** No live picture: why, since when, and the last one there was, dimmed, as it is not now; private: its colors alone. */
function Quiet({ camera, hero, size }: Props) {
  const chosen = isByChoice(camera.state);
  const at = camera.last_packet_ms;
  const { title, sub } = quietWords(camera);
  return (
    <article class={`tile flat${hero ? " hero" : ""}`} data-size={size} data-camera={camera.id} data-state={camera.state}>
      <LastPicture camera={camera} />
      <TileLink camera={camera} />
      <div class="tile-head" translate={false}>
        <StateDot dot={dotOf(camera.state)} />
        <b>{camera.name}</b>
        <span class="tile-state">
          {tileParts.value?.head(camera)}
          {chosen ? t.states[camera.state] : at ? t.live.lastPicture(when(at)) : t.live.noPicture}
        </span>
      </div>
      <div class="quiet">
        <Icon name={iconOf(camera.state)} />
        <b translate={false}>{title}</b>
        {sub && <span translate={false}><ServerText text={sub} /></span>}
        {tileParts.value?.quiet(camera)}
        {!chosen && camera.state !== "ended" && camera.state !== "asleep" && (
          <a class="btn" href="/health">
            {t.live.whatToCheck}
          </a>
        )}
      </div>
    </article>
  );
}

/** The smallest image there is: blurred, nothing but its colors is left. */
const COLORS_PX = 64;

export function LastPicture({ camera }: { camera: Camera }) {
  const paused = camera.state === "paused";
  const at_ms = paused ? camera.since_ms - 1_000 : camera.last_packet_ms;
  if (at_ms === null || (isByChoice(camera.state) && !paused)) return null;
  return (
    <img
      class={paused ? "tile-colors" : imageClass("tile-last", camera)}
      alt=""
      src={url(`${cameraPath(camera.id)}/frame`, { at_ms, width: paused ? COLORS_PX : 640 })}
      onError={(event) => event.currentTarget.remove()}
    />
  );
}
