import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../../api/client";
import type { Camera } from "../../api/types";
import { mayDirect } from "../../ui/session";
import { Talking } from "../../live/talk";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";

const words = t.live.talk;

/** Held, it carries one's voice to the camera. For owners and members, where the camera has a loudspeaker. */
export function TalkButton({ camera }: { camera: Camera }) {
  const can = useSignal(false);
  const may = mayDirect();
  useEffect(() => {
    if (!may) return;
    get<{ can: boolean }>(`/cameras/${encodeURIComponent(camera.id)}/talk`).then(
      (told) => (can.value = told.can),
      () => {}, // no button, then
    );
  }, [camera.id, may]);
  if (!can.value) return null;
  return isSecureContext && "mediaDevices" in navigator ? <Held camera={camera} /> : <Insecure />;
}

function Held({ camera }: { camera: Camera }) {
  const talking = useMemo(
    () => new Talking(camera.id, (why) => toast(why.by === "microphone" ? words.noMicrophone : why.words || words.failed)),
    [camera.id],
  );
  const state = talking.state.value;
  useEffect(() => {
    const isFree = (event: KeyboardEvent) => event.code === "Space" && !(event.target as Element | null)?.closest?.("button, a, input, select, textarea");
    const down = (event: KeyboardEvent) => {
      if (!isFree(event)) return;
      event.preventDefault();
      if (!event.repeat) void talking.start();
    };
    const up = (event: KeyboardEvent) => event.code === "Space" && talking.stop();
    const stop = () => talking.stop();
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", stop);
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", stop);
      talking.stop();
    };
  }, [talking]);
  return (
    <button
      type="button"
      class={`btn talk ${state}`}
      data-talk={state}
      title={t.keys.with(words.hold, t.keys.space)}
      aria-pressed={state === "on"}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        void talking.start();
      }}
      onPointerUp={() => talking.stop()}
      onPointerCancel={() => talking.stop()}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if ((event.key === " " || event.key === "Enter") && !event.repeat) void talking.start();
      }}
      onKeyUp={() => talking.stop()}
    >
      <Icon name="mic" small />
      {words[state]}
    </button>
  );
}

/** Browsers give no microphone to a page that came by plain HTTP. */
function Insecure() {
  return (
    <button type="button" class="btn" onClick={() => toast(words.insecure)}>
      <Icon name="mic" small />
      {words.off}
    </button>
  );
}
