import { useSignal } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, url } from "../../api/client";
import { cameras } from "../../api/state";
import type { Camera } from "../../api/types";
import { useKeys } from "../../ui/keys";
import { isByRtc } from "../../live/able";
import { fills } from "../../live/rules";
import { Private } from "../../live/Private";
import type { PastPlayer } from "../../player/past";
import { BoxesButton, BoxesOver, FiguresButton, FiguresOver } from "../../player/figuresSwitch";
import { RecordedPlayer } from "../../player/recorded";
import { type Axes, axesOf, onto } from "../../api/turned";
import { Straight } from "../../live/straight";
import { sideways } from "../../player/sideways";
import { SwipeName, neighboursOf, useSwipe } from "../../player/useSwipe";
import { ZoomChip, useZoom } from "../../player/useZoom";
import { LockNow, UnlockSheet } from "../../sealed/Locked";
import { timeline } from "../../strings/timeline";
import { clockSecond } from "../../timeline/format";
import { date } from "../../ui/times";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { SoundButton } from "../../ui/SoundButton";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";
import "./stage.css";

const loadReason = () => import("./Reason");
const GLOW_EVERY_MS = 700;
/** Share of the width. */
const EDGE = 0.25;

/** The players: one large, up to three beside it. They stay where they are in the page, so that swapping keeps playing. */
export function Stage({ model, phone }: { model: TimelineModel; phone: boolean }) {
  const chosen = model.chosen.value;
  const shown = phone ? chosen.slice(0, 1) : chosen;
  useClock(model);
  return (
    <div class={`stage of-${shown.length}`}>
      {[...shown].sort().map((id) => (
        <Player key={id} model={model} camera={id} large={id === shown[0]} phone={phone} whole={id === shown[0] || shown.length === 2} />
      ))}
      <UnlockSheet />
    </div>
  );
}

/** Runs the group's clock with the screen's frames. */
function useClock(model: TimelineModel): void {
  useEffect(() => {
    let frame = requestAnimationFrame(function tick(wall_ms) {
      model.group.tick(wall_ms);
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [model]);
}

/** The camera with its privacy masks where they lie on what is shown: it may have been recorded turned otherwise. */
function covered(camera: Camera, then: Axes | null): Camera {
  const now = axesOf(camera);
  if (!then || camera.mask.parts.length === 0 || String(now) === String(then)) return camera;
  return { ...camera, mask: { ...camera.mask, parts: camera.mask.parts.map((part) => onto(part, now, then)) } };
}

/** `whole`: the picture is shown to its edges, in front of its own colours, instead of filling the frame. */
function Player({ model, camera: id, large, phone, whole: isWhole }: { model: TimelineModel; camera: string; large: boolean; phone: boolean; whole: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const state = useSignal<PastPlayer | null>(null);
  const filled = useSignal(false);
  const camera = cameras.value.find((each) => each.id === id);
  const whole = isWhole || !fills(camera?.streams.main ?? camera?.streams.sub);

  useEffect(() => {
    if (!video.current || !image.current) return;
    const at = { video: video.current, image: image.current, fps: camera?.fps ?? null };
    return made(id, at, (player) => {
      state.value = player;
      model.setPlayer(id, player);
    });
  }, [model, id]);
  useEffect(() => {
    if (!large && state.value) state.value.wantsSound.value = false;
  }, [large]);

  const sides = (share: number) => large && sideways.peek() && jumpFrom(model, share);
  const zoom = useZoom(frame, sides);
  const beside = phone ? neighboursOf(model.lanes.value, model.lanes.value.findIndex((lane) => lane.id === id)) : null;
  const swipe = useSwipe(frame, zoom.scale > 1, beside && ((by) => model.makeLarge(by < 0 ? beside.previous.id : beside.next.id)));
  useKeys(large ? { z: zoom.in, x: zoom.out } : {});
  const glow = useGlow(whole && !filled.value, video, image);
  const player = state.value;
  const showing = player?.showing.value;
  const waits = showing?.is === "video" && showing.waits;
  useEffect(() => {
    if (frame.current && showing) frame.current.dataset["showing"] = waits ? "loading" : showing.is;
  }, [showing]);
  const hasPicture = showing?.is === "video" || showing?.is === "pictures";
  const lying = camera && covered(camera, player?.axes.value ?? null);
  const name = camera?.name ?? model.lanes.value.find((lane) => lane.id === id)?.name ?? id;
  return (
    <div
      ref={frame}
      class={`pl can-zoom${large ? " large" : ""}${whole && !filled.value ? " whole" : ""}`}
      data-camera={id}
      role="group"
      aria-label={timeline.player.label(name)}
      onDblClick={() => model.makeLarge(id)}
    >
      <SwipeName swipe={swipe} who={beside && { previous: beside.previous.name, next: beside.next.name }} />
      {whole && <canvas ref={glow} class="pl-glow" width={32} height={18} aria-hidden="true" />}
      <video ref={video} playsInline disablePictureInPicture />
      {/* While it loads, the picture of before is still to be seen. */}
      {lying && (showing?.is === "video" || showing?.is === "loading") && <Private camera={lying} laid={`${filled.value}${large}${whole}`} />}
      <img ref={image} alt="" />
      {lying && hasPicture && <Straight camera={lying} turns={large ? sides : undefined} />}
      {showing && (waits || !hasPicture) && (
        <Lazy load={loadReason} props={{ model, camera: id, showing, large }} waiting={() => null} />
      )}
      <div class="pl-top over-picture">
        <span class="pl-name">{name}</span>
        {large && (
          <span class="pl-tools">
            <LockNow class="pl-tool" />
            <BoxesButton class="pl-tool" small />
            <FiguresButton class="pl-tool" small />
            {camera?.audio && player && <SoundButton class="pl-tool" on={player.wantsSound.value} onFlip={(on) => (player.wantsSound.value = on)} />}
            {player && (
              <button type="button" class="pl-tool" aria-label={timeline.player.photo} title={timeline.player.photo} onClick={() => void savePicture(camera, frame.current, id, player.shown_ms ?? model.group.at_ms.peek())}>
                <Icon name="camera" small />
              </button>
            )}
            <button
              type="button"
              class="pl-tool"
              aria-label={filled.value ? timeline.player.fit : timeline.player.fill}
              title={filled.value ? timeline.player.fit : timeline.player.fill}
              aria-pressed={filled.value}
              onClick={() => {
                filled.value = !filled.value;
              }}
            >
              <Icon name="search" small />
            </button>
            <button
              type="button"
              class="pl-tool"
              aria-label={timeline.player.full}
              title={timeline.player.full}
              onClick={() => flipFull(frame.current)}
            >
              <Icon name="maximize-2" small />
            </button>
          </span>
        )}
      </div>
      {player && hasPicture && (
        <>
          <FiguresOver camera={id} name={name} frame={frame} shown={() => player.shown_ms} live={false} />
          <BoxesOver
            camera={id}
            frame={frame}
            shown={() => player.shown_ms}
            events={() => model.lanes.peek().find((lane) => lane.id === id)?.events ?? []}
          />
        </>
      )}
      {large && <Stamp model={model} />}
      <ZoomChip zoom={zoom} />
      {large && player && <Note player={player} />}
    </div>
  );
}

/** On a phone on its side a double tap near the edge is ten seconds. */
function jumpFrom(model: TimelineModel, share: number): boolean {
  if (share > EDGE && share < 1 - EDGE) return false;
  model.jump(share < 0.5 ? -1 : 1);
  return true;
}

/** Plays by WebRTC where live pictures come that way, and from files where they do not, or when that fails. Ends it. */
function made(
  id: string,
  at: { video: HTMLVideoElement; image: HTMLImageElement; fps: number | null },
  onMade: (player: PastPlayer | null) => void,
): () => void {
  let now: PastPlayer | null = null;
  let ended = false;
  const take = (player: PastPlayer | null): void => {
    now?.close();
    now = player;
    onMade(player);
  };
  const fromFiles = (): void => {
    at.video.dataset["by"] = "files";
    if (!ended) take(new RecordedPlayer(id, at.video, at.image, at.fps));
  };
  if (isByRtc())
    import("../../player/carried").then(({ CarriedPlayer }) => {
      if (ended) return;
      at.video.dataset["by"] = "webrtc";
      take(new CarriedPlayer(id, at.video, at.image, 1000 / (at.fps ?? 25), fromFiles));
    }, fromFiles);
  else fromFiles();
  return () => {
    ended = true;
    take(null);
  };
}

/** The colours of the picture, far out of focus, where the picture leaves the frame empty. */
function useGlow(on: boolean, video: RefObject<HTMLVideoElement | null>, image: RefObject<HTMLImageElement | null>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => {
      const pen = canvas.current?.getContext("2d");
      const showing = canvas.current?.parentElement?.dataset["showing"];
      const from = showing === "pictures" ? image.current : video.current;
      if (!pen || !from || document.hidden) return;
      if (showing === "hole" || showing === "problem") pen.clearRect(0, 0, 32, 18);
      else if (from instanceof HTMLImageElement ? from.complete && from.naturalWidth > 0 : from.readyState >= 2)
        pen.drawImage(from, 0, 0, 32, 18);
    }, GLOW_EVERY_MS);
    return () => clearInterval(timer);
  }, [on]);
  return canvas;
}

/** Day and second, over the picture. */
function Stamp({ model }: { model: TimelineModel }) {
  const zone = recorderZone.value;
  const at_ms = model.second.value;
  return (
    <div class="pl-stamp num" translate={false}>
      {date(at_ms)} · {clockSecond(zone, at_ms)}
      {model.group.speed.value < 0 && ` · ${timeline.transport.speeds[String(model.group.speed.value)]}`}
    </div>
  );
}

/** What one should know about this picture. */
function Note({ player }: { player: PastPlayer }) {
  const showing = player.showing.value;
  const words = timeline.player;
  if (showing.is === "pictures")
    return <div class="pl-note">{showing.because === "speed" ? words.keyPictures : words.pictures}</div>;
  if (player.thinned.value) return <div class="pl-note">{words.thinned}</div>;
  return player.small.value && <div class="pl-note">{words.small[player.small.value]}</div>;
}

/** The picture shown, in full size; straightened where it is shown so. */
async function savePicture(camera: Camera | undefined, frame: Element | null, id: string, at_ms: number): Promise<void> {
  const { savePhoto } = await import("../../live/straightPhoto");
  savePhoto(camera, frame, url(`${cameraPath(id)}/picture`, { at_ms: Math.round(at_ms) }));
}

function flipFull(node: HTMLElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void node?.requestFullscreen?.();
}
