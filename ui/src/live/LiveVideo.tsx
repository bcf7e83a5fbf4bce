import { useEffect } from "preact/hooks";
import { cameraPath, url } from "../api/client";
import type { Camera } from "../api/types";
import { t } from "../strings";
import { Lazy } from "../ui/Lazy";
import { Straight } from "./straight";
import { Private } from "./Private";
import { imageClass } from "./rules";
import { soundFrom } from "./sound";
import type { Live } from "./useLive";

const jpegs = () => import("./Jpegs");

/** The moving picture of a camera, by whichever way it comes; a sentence where there is none. bare: what is private is shown elsewhere. heard: its sound may be on, as there is a button for it. turns: a fisheye's view follows the pointer. */
export function LiveVideo({ camera, live, width, bare = false, heard = false, turns }: { camera: Camera; live: Live; width: number; bare?: boolean; heard?: boolean; turns?: true }) {
  const { name } = live.by.value;
  const loud = heard && soundFrom.value === camera.id;
  useEffect(() => {
    if (live.video.current) live.video.current.muted = !loud;
  }, [loud, name]);
  // The browser rotates these, and does not mirror them. The still image before them is mirrored already.
  const mirrors = (name === "webrtc" || name === "socket") && camera.mirror && live.view.value.kind === "playing";
  const picture = imageClass("live-picture", camera);
  const waits = live.view.value.kind === "waiting" && <p class="live-sentence">{t.live.waitingPicture}</p>;
  if (name === "mjpeg")
    return (
      <>
        <Lazy load={jpegs} props={{ camera, live, width, look: picture }} waiting={() => null} />
        <Straight camera={camera} turns={turns} />
      </>
    );
  if (name === "pictures")
    return (
      <>
        <canvas key="canvas" ref={live.canvas} class={picture} role="img" aria-label={camera.name} />
        <Straight camera={camera} turns={turns} />
        {waits}
      </>
    );
  return (
    <>
      <video
        key="video"
        ref={live.video}
        class={picture}
        style={{ scale: mirrors ? "-1 1" : "" }}
        muted
        playsInline
        disablePictureInPicture={camera.mask.parts.length > 0}
        poster={url(`${cameraPath(camera.id)}/snapshot`, { width })}
        aria-label={camera.name}
      />
      {!bare && <Private camera={camera} laid={picture} />}
      {!bare && <Straight camera={camera} turns={turns} />}
      {waits}
    </>
  );
}
