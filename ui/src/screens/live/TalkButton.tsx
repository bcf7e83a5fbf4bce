import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { cameraPath, get } from "../../api/client";
import type { Camera } from "../../api/types";
import { isForPage } from "../../ui/keys";
import { mayDirect } from "../../ui/session";
import { Talking } from "../../live/talk";
import { t } from "../../strings";
import { talk as words } from "../../strings/talk";
import { Icon } from "../../ui/Icon";
import { place } from "../../ui/router";
import { toast } from "../../ui/toast";

interface Look {
  class: string;
  /** Over a picture: without words. */
  round: boolean;
}

/** Held, it carries one's voice to the camera. For owners and members, where it has a loudspeaker. keys: the space bar holds it. It has the focus where a ring is answered. */
export function TalkButton({ camera, keys = false, ...look }: Look & { camera: Camera; keys?: boolean }) {
  const can = useSignal(false);
  const may = mayDirect();
  useEffect(() => {
    if (!may) return;
    get<{ can: boolean }>(`${cameraPath(camera.id)}/talk`).then(
      (told) => (can.value = told.can),
      () => {}, // no button, then
    );
  }, [camera.id, may]);
  if (!can.value) return null;
  return isSecureContext && "mediaDevices" in navigator ? <Held camera={camera} keys={keys} {...look} /> : <Insecure {...look} />;
}

function Held({ camera, keys, class: look, round }: Look & { camera: Camera; keys: boolean }) {
  const talking = useMemo(
    () => new Talking(camera.id, (why) => toast(why.by === "recorder" ? why.words || words.failed : words[why.by])),
    [camera.id],
  );
  const state = talking.state.value;
  const button = useRef<HTMLButtonElement>(null);
  const answers = keys && place.value.query.has("talk");
  useEffect(() => {
    if (answers) button.current?.focus();
  }, [answers]);
  useEffect(() => {
    // Wherever the focus went meanwhile: what the press opened ends with it.
    const up = (event: KeyboardEvent) => (event.code === "Space" || [" ", "Enter"].includes(event.key)) && talking.stop();
    const stop = () => talking.stop();
    const hide = () => document.hidden && talking.stop();
    addEventListener("keyup", up);
    addEventListener("blur", stop);
    document.addEventListener("visibilitychange", hide);
    return () => {
      removeEventListener("keyup", up);
      removeEventListener("blur", stop);
      document.removeEventListener("visibilitychange", hide);
      talking.stop();
    };
  }, [talking]);
  useEffect(() => {
    if (!keys) return;
    const isFree = (event: KeyboardEvent) => event.code === "Space" && !(event.target as Element | null)?.closest?.("button, a, input, select, textarea, summary");
    const down = (event: KeyboardEvent) => {
      if (!isFree(event) || !isForPage(event)) return;
      event.preventDefault();
      if (!event.repeat) void talking.start();
    };
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  }, [talking, keys]);
  return (
    <button
      ref={button}
      type="button"
      class={`${look} talk ${state}${answers ? " answers" : ""}`}
      aria-label={round ? words.hold : undefined}
      data-talk={state}
      title={keys ? t.keys.with(words.hold, t.keys.space) : words.hold}
      aria-pressed={state === "on"}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        void talking.start();
      }}
      onPointerUp={() => talking.stop()}
      onPointerCancel={() => talking.stop()}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault(); // or the key clicks, too
        if (!event.repeat) void talking.start();
      }}
      onKeyUp={(event) => event.key === " " && event.preventDefault()}
      // A screen reader or a switch clicks without holding anything: the next click ends it.
      onClick={(event) => event.detail === 0 && (talking.state.peek() === "off" ? void talking.start() : talking.stop())}
    >
      <Icon name="mic" small={look.startsWith("btn")} />
      {!round && <span>{answers && state === "off" ? words.hold : words[state]}</span>}
    </button>
  );
}

/** Browsers give no microphone to a page that came by plain HTTP. */
function Insecure({ class: look, round }: Look) {
  return (
    <button type="button" class={look} aria-label={round ? words.off : undefined} title={words.off} data-talk="insecure" onClick={() => toast(words.insecure)}>
      <Icon name="mic" small={look.startsWith("btn")} />
      {!round && <span>{words.off}</span>}
    </button>
  );
}
