import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { url } from "../api/client";
import type { Camera } from "../api/types";
import { isOnWatch } from "../app/cameraWords";
import { t } from "../strings.en";
import { soundFrom } from "./sound";
import type { Live } from "./useLive";

/** The moving picture of a camera; single pictures where the browser cannot play it; a sentence where there is none. */
export function LiveVideo({ camera, live, width }: { camera: Camera; live: Live; width: number }) {
  const failed = useSignal(false);
  const byPictures = live.way.value.by === "pictures" || live.view.value.kind === "unplayable";
  const loud = soundFrom.value === camera.id && !byPictures;
  useEffect(() => {
    if (live.video.current) live.video.current.muted = !loud;
  }, [loud]);
  if (failed.value)
    return (
      <p class="live-sentence">
        {t.live.cannotShow} {isOnWatch(camera.state) && t.live.notAffected}
      </p>
    );
  if (byPictures)
    return (
      <img
        class="live-picture"
        alt=""
        src={live.seen.value ? url(`/cameras/${encodeURIComponent(camera.id)}/mjpeg`, { width, fps: 5 }) : undefined}
        onError={() => (failed.value = live.seen.peek())}
      />
    );
  return (
    <>
      <video
        ref={live.video}
        class="live-picture"
        muted
        playsInline
        poster={url(`/cameras/${encodeURIComponent(camera.id)}/snapshot`, { width })}
        aria-label={camera.name}
      />
      {live.view.value.kind === "waiting" && <p class="live-sentence">{t.live.waitingPicture}</p>}
    </>
  );
}
