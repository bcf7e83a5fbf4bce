import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameras } from "../../api/state";
import { RecordedPlayer } from "../../player/recorded";
import { t } from "../../strings.en";
import { dayName, clockSecond } from "../../timeline/format";
import { Icon } from "../../ui/Icon";
import { Reason } from "./Reason";
import type { TimelineModel } from "./model";
import { useSignal } from "@preact/signals";
import { recorderZone } from "./wallclock";
import "./stage.css";

/** The players: one large, up to three beside it. They stay where they are in the page, so that swapping keeps playing. */
export function Stage({ model, phone }: { model: TimelineModel; phone: boolean }) {
  const chosen = model.chosen.value;
  const shown = phone ? chosen.slice(0, 1) : chosen;
  useClock(model);
  return (
    <div class={`stage of-${shown.length}`}>
      {[...shown].sort().map((id) => (
        <Player key={id} model={model} camera={id} large={id === shown[0]} />
      ))}
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

function Player({ model, camera: id, large }: { model: TimelineModel; camera: string; large: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const state = useSignal<RecordedPlayer | null>(null);
  const filled = useSignal(false);
  const camera = cameras.value.find((each) => each.id === id);

  useEffect(() => {
    if (!video.current || !image.current) return;
    const player = new RecordedPlayer(id, video.current, image.current);
    state.value = player;
    model.setPlayer(id, player);
    const stop = effect(() => {
      if (frame.current) frame.current.dataset["showing"] = player.showing.value.is;
    });
    return () => {
      stop();
      model.setPlayer(id, null);
      player.close();
    };
  }, [model, id]);
  useEffect(() => {
    if (!large && state.value) state.value.wantsSound.value = false;
  }, [large]);

  const player = state.value;
  const showing = player?.showing.value;
  const name = camera?.name ?? id;
  return (
    <div
      ref={frame}
      class={`pl${large ? " large" : ""}${filled.value ? " filled" : ""}`}
      data-camera={id}
      role="group"
      aria-label={t.timeline.player.label(name)}
      onDblClick={() => model.makeLarge(id)}
    >
      <video ref={video} playsInline disablePictureInPicture />
      <img ref={image} alt="" />
      {showing && showing.is !== "video" && showing.is !== "pictures" && (
        <Reason model={model} camera={id} showing={showing} large={large} />
      )}
      <div class="pl-top">
        <span class="pl-name">{name}</span>
        {large && (
          <span class="pl-tools">
            {camera?.audio && player && <Sound player={player} />}
            <button
              type="button"
              class="pl-tool"
              aria-label={filled.value ? t.timeline.player.fit : t.timeline.player.fill}
              title={filled.value ? t.timeline.player.fit : t.timeline.player.fill}
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
              aria-label={t.timeline.player.full}
              title={t.timeline.player.full}
              onClick={() => flipFull(frame.current)}
            >
              <Icon name="maximize-2" small />
            </button>
          </span>
        )}
      </div>
      {large && <Stamp model={model} />}
      {large && player && <Note player={player} />}
    </div>
  );
}

function Sound({ player }: { player: RecordedPlayer }) {
  const on = player.wantsSound.value;
  const words = on ? t.timeline.player.soundOff : t.timeline.player.soundOn;
  return (
    <button
      type="button"
      class="pl-tool"
      aria-label={words}
      title={words}
      aria-pressed={on}
      onClick={() => {
        player.wantsSound.value = !on;
      }}
    >
      <Icon name={on ? "volume-2" : "volume-x"} small />
    </button>
  );
}

/** Day and second, over the picture. */
function Stamp({ model }: { model: TimelineModel }) {
  const zone = recorderZone.value;
  const at_ms = model.second.value;
  return (
    <div class="pl-stamp num">
      {dayName(zone, at_ms, "short")} · {clockSecond(zone, at_ms)}
    </div>
  );
}

/** What one should know about this picture. */
function Note({ player }: { player: RecordedPlayer }) {
  const showing = player.showing.value;
  const words = t.timeline.player;
  if (showing.is === "pictures")
    return <div class="pl-note">{showing.because === "speed" ? words.keyPictures : words.pictures}</div>;
  return player.small.value ? <div class="pl-note">{words.small}</div> : null;
}

function flipFull(node: HTMLElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void node?.requestFullscreen?.();
}
