import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, url } from "../../api/client";
import type { PhoneInfo } from "../../api/schema";
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
const OWN = () => import("./OwnDevice");
const SLEEPS = () => import("./Sleeps");
const PHONE = () => import("./PhoneOf");
const w = words.connection;

/** Whether it answers, what it sends, and a picture of this moment to see that it does. */
export function Connection({ camera }: { camera: Camera }) {
  const tried = useSignal(0);
  const failed = useSignal(false);
  const phone = useSignal<PhoneInfo | null>(null);
  const owner = session.value?.user?.role === "owner";
  const load = () =>
    get<PhoneInfo>(`${cameraPath(camera.id)}/phone`).then((now) => (phone.value = now), () => {}); // shown as any other camera, then
  useEffect(() => {
    if (owner) void load();
  }, [camera.id, camera.state, owner]);
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
          <p class="row tu-say" translate={false}>
            <StateDot dot={dotOf(camera.state)} />
            <span>
              <b>{sentence(camera)}</b>
              {camera.detail && <span class="sub"> <ServerText text={camera.detail} /></span>}
            </span>
          </p>
          {last !== null && <p class="small sub tu-say" translate={false}>{w.last(when(last))}</p>}
          {failed.value ? (
            <p class="tu-say" role="alert">
              {w.nothing}
            </p>
          ) : (
            isShowing(camera.state) && (
              <img
                class="tu-snapshot"
                alt={w.picture(camera.name)}
                src={url(`${cameraPath(camera.id)}/snapshot`, { width: 960, n: tried.value })}
                onError={() => (failed.value = true)}
              />
            )
          )}
        </section>
        {owner && phone.value?.is_phone === false && <Lazy load={OWN} props={{ camera }} waiting={() => null} />}
        {owner && phone.value?.is_phone === false && <Lazy load={SLEEPS} props={{ camera }} waiting={() => null} />}
        {camera.state === "offline" && owner && phone.value?.is_phone === false && <Lazy load={LOOK} props={{ camera }} waiting={() => null} />}
      </div>
      <aside class="tu-side">
        <section class="card" aria-labelledby="connection-facts">
          <h2 id="connection-facts">{w.facts}</h2>
          <div class="camera-facts">
            <Facts camera={camera} />
          </div>
        </section>
        {phone.value?.is_phone ? (
          <Lazy load={PHONE} props={{ camera, phone: phone.value, onChanged: () => void load() }} waiting={() => null} />
        ) : (
          <section class="card" aria-labelledby="connection-change">
            <h2 id="connection-change">{w.change}</h2>
            {owner ? <ConnectionForm key={camera.id} camera={camera} /> : <p class="small sub tu-say">{w.onlyOwners}</p>}
          </section>
        )}
      </aside>
    </>
  );
}
