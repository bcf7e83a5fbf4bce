import { LiveVideo } from "../../live/LiveVideo";
import { useLive } from "../../live/useLive";
import { cameras } from "../../api/state";
import type { Camera } from "../../api/types";
import { dotOf, isShowing, sentence } from "../../ui/cameraWords";
import { StateDot } from "../../ui/StateDot";

const MOST = 6;

/** The cameras as they are now, in moving images. */
export function Moving() {
  return (
    <ul class="setup-moving">
      {cameras.value.slice(0, MOST).map((camera) => (
        <li key={camera.id}>{isShowing(camera.state) ? <Live camera={camera} /> : <Still camera={camera} />}</li>
      ))}
    </ul>
  );
}

function Live({ camera }: { camera: Camera }) {
  const live = useLive(camera, "sub", true, { calm: true });
  return (
    <article ref={live.frame} class="setup-picture" data-camera={camera.id} data-view={live.view.value.kind}>
      <LiveVideo camera={camera} live={live} width={640} />
      <Name camera={camera} />
    </article>
  );
}

function Still({ camera }: { camera: Camera }) {
  return (
    <article class="setup-picture" data-camera={camera.id}>
      <Name camera={camera} />
      <p class="small">{sentence(camera)}</p>
    </article>
  );
}

function Name({ camera }: { camera: Camera }) {
  return (
    <span class="setup-name">
      <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
      {camera.name}
    </span>
  );
}
