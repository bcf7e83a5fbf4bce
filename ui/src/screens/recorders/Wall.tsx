/** The cameras of all recorders, live. */
import { LiveVideo } from "../../live/LiveVideo";
import { useLive } from "../../live/useLive";
import type { Camera, FleetBox } from "../../api/types";
import { recorders as words } from "../../strings/recorders";
import { Icon } from "../../ui/Icon";
import { when } from "../../ui/times";

export function Wall({ boxes }: { boxes: readonly FleetBox[] }) {
  return (
    <div class="rec-wall">
      {boxes.map((box) => (
        <section key={box.id} aria-label={box.name}>
          <h2 class="rec-wall-head">
            <Icon name={box.online ? "circle-check" : "wifi-off"} small /> {box.name}
            <span class="sub small">{box.online ? box.expected > 0 && words.working(box.working, box.expected) : words.offline(when(box.seen_ms))}</span>
          </h2>
          <div class="rec-tiles">
            {box.cameras.map((camera) =>
              box.online && box.allow.includes("live") ? (
                <Tile key={camera.info.id} camera={{ ...camera.info, id: `${box.id}~${camera.info.id}` }} href={`/boxes/${box.id}/live/${camera.info.id}`} />
              ) : (
                <article key={camera.info.id} class="rec-tile is-quiet">
                  {!box.online && camera.picture_ms !== null && <img alt="" src={`/api/v1/fleet/boxes/${box.id}/cameras/${encodeURIComponent(camera.info.id)}/picture`} />}
                  <p>
                    <Icon name={box.online ? "eye-off" : "wifi-off"} />
                    <b>{camera.info.name}</b>
                    <span>{box.online ? words.notAllowed : words.offline(when(box.seen_ms))}</span>
                    {camera.picture_ms !== null && !box.online && <span>{words.seen(when(camera.picture_ms))}</span>}
                  </p>
                </article>
              ),
            )}
          </div>
        </section>
      ))}
    </div>
  );
}

function Tile({ camera, href }: { camera: Camera; href: string }) {
  const live = useLive(camera, "sub", true, { calm: true });
  return (
    <article ref={live.frame} class="rec-tile" data-camera={camera.id} data-view={live.view.value.kind}>
      <LiveVideo camera={camera} live={live} width={640} />
      <a class="tile-link" href={href} aria-label={camera.name} />
      <b class="rec-tile-name">{camera.name}</b>
    </article>
  );
}
