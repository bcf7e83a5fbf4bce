import { useSignal } from "@preact/signals";
import { url } from "../../api/client";
import type { Camera } from "../../api/types";
import { dotOf, isShowing, sentence } from "../../ui/cameraWords";
import { session } from "../../ui/session";
import { when } from "../../ui/times";
import { StateDot } from "../../ui/StateDot";
import { Facts } from "../../ui/Facts";
import { Lazy } from "../../ui/Lazy";
import { ConnectionForm } from "./ConnectionForm";
import { camera as words } from "../../strings/camera";
import { ServerText } from "../../ui/ServerText";

const LOOK = () => import("./LookForIt");
const w = words.connection;

/** Whether it answers, what it sends, and a picture of this moment to see that it does. */
export function Connection({ camera }: { camera: Camera }) {
  const tried = useSignal(0);
  const failed = useSignal(false);
  const { last_packet_ms: last } = camera;
  return (
    <>
      <div class="tu-main">
        <section class="card" aria-labelledby="connection-now">
          <div class="row between">
            <h2 id="connection-now">{w.now}</h2>
            <button
              type="button"
              class="btn"
              onClick={() => {
                failed.value = false;
                tried.value += 1;
              }}
            >
              {w.try}
            </button>
          </div>
          <p class="row tu-say">
            <StateDot dot={dotOf(camera.state)} />
            <span>
              <b>{sentence(camera)}</b>
              {camera.detail && <span class="sub"> <ServerText text={camera.detail} /></span>}
            </span>
          </p>
          {last !== null && <p class="small sub tu-say">{w.last(when(last))}</p>}
          {failed.value ? (
            <p class="tu-say" role="alert">
              {w.nothing}
            </p>
          ) : (
            isShowing(camera.state) && (
              <img
                class="tu-snapshot"
                alt={w.picture(camera.name)}
                src={url(`/cameras/${encodeURIComponent(camera.id)}/snapshot`, { width: 960, n: tried.value })}
                onError={() => (failed.value = true)}
              />
            )
          )}
        </section>
        {camera.state === "offline" && session.value?.user?.role === "owner" && <Lazy load={LOOK} props={{ camera }} waiting={() => null} />}
      </div>
      <aside class="tu-side">
        <section class="card" aria-labelledby="connection-facts">
          <h2 id="connection-facts">{w.facts}</h2>
          <div class="camera-facts">
            <Facts camera={camera} />
          </div>
        </section>
        <section class="card" aria-labelledby="connection-change">
          <h2 id="connection-change">{w.change}</h2>
          {session.value?.user?.role === "owner" ? (
            <ConnectionForm key={camera.id} camera={camera} />
          ) : (
            <p class="small sub tu-say">{w.onlyOwners}</p>
          )}
        </section>
      </aside>
    </>
  );
}
