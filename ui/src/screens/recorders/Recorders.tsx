/** All recorders of this hub: their health, their cameras live, and their events. */
import { useSignal } from "@preact/signals";
import { cameraPath, remove } from "../../api/client";
import type { Fleet, FleetBox } from "../../api/types";
import { plural, t } from "../../strings";
import { timeline } from "../../strings/timeline";
import { recorders as words } from "../../strings/recorders";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { Page } from "../../ui/Page";
import { Problem } from "../../ui/Problem";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { type Params, go } from "../../ui/router";
import { session } from "../../ui/session";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { usePolled } from "../../ui/usePolled";
import { Copies } from "./Copies";
import { Events } from "./Events";
import { Join } from "./Join";
import { Standbys, StandbyTrouble } from "./Standbys";
import { Wall } from "./Wall";
import "./recorders.css";

const AGAIN_MS = 2_000;
const PICTURES = 6;
type View = "all" | "wall" | "timeline" | "events" | "maintenance";
const VIEWS: readonly View[] = ["all", "wall", "timeline", "events"];
const loadPast = () => import("./Past");
const loadMaintenance = () => import("./Maintenance");
const waiting = (isFailed: boolean) => <p class="sub">{isFailed ? timeline.failed : timeline.loading}</p>;

export default function Recorders({ params }: { params: Params }) {
  if (session.value?.user?.role === "installer")
    return (
      <Page title={words.title} class="recorders">
        <Lazy load={loadMaintenance} props={{}} waiting={waiting} />
      </Page>
    );
  return <AllRecorders params={params} />;
}

function AllRecorders({ params }: { params: Params }) {
  const { found: fleet, failed } = usePolled<Fleet>("/fleet", AGAIN_MS);
  const joins = useSignal(false);
  const found = fleet.value;
  const isOwner = session.value?.user?.role === "owner";
  const views: readonly View[] = isOwner ? [...VIEWS, "maintenance"] : VIEWS;
  const view: View = views.find((one) => one === params["view"]) ?? "all";
  const add = isOwner && (
    <button type="button" class="btn pri" onClick={() => (joins.value = true)}>
      <Icon name="plus" small /> {words.add}
    </button>
  );
  return (
    <Page title={words.title} class="recorders">
      {!found && failed.value && <Problem what={failed.value} />}
      {found?.boxes.length === 0 && (
        <>
          <Problem icon="house" what={words.none} todo={words.noneDo} />
          <div class="rec-add">{add}</div>
        </>
      )}
      {found && found.boxes.length > 0 && (
        <>
          <div class="rec-answer">
            <div class="grow">
              <h2>{answer(found.boxes)}</h2>
              <p class="sub">{words.sum(plural(found.boxes.length, words.boxes), plural(found.boxes.reduce((n, box) => n + box.cameras.length, 0), words.cameras))}</p>
            </div>
            <Segmented<View>
              label={words.views.label}
              value={view}
              options={views.map((value) => ({ value, label: words.views[value] }))}
              onChange={(next) => go(next === "all" ? "/recorders" : `/recorders/${next}`)}
            />
            {add}
          </div>
          {view === "all" && found.boxes.map((box) => <Row key={box.id} box={box} isOwner={isOwner} now_ms={found.now_ms} />)}
          {view === "wall" && <Wall boxes={found.boxes} />}
          {view === "timeline" && <Lazy load={loadPast} props={{ boxes: found.boxes }} waiting={waiting} />}
          {view === "maintenance" && <Lazy load={loadMaintenance} props={{}} waiting={waiting} />}
          {view === "events" && <Events boxes={found.boxes} />}
        </>
      )}
      {found && view === "all" && <Copies isOwner={isOwner} />}
      {joins.value && <Join boxes={found?.boxes ?? []} onClose={() => (joins.value = false)} />}
    </Page>
  );
}

function answer(boxes: readonly FleetBox[]): string {
  const away = boxes.filter((box) => !box.online);
  const [first] = away;
  if (!first) return words.allOnline;
  return away.length === 1 ? words.oneOffline(first.name) : plural(away.length, words.someOffline);
}

function Row({ box, isOwner, now_ms }: { box: FleetBox; isOwner: boolean; now_ms: number }) {
  const open = useSignal(false);
  const asks = useSignal(false);
  const state = box.online ? words.online : words.offline(when(box.seen_ms));
  return (
    <section class={`card rec-box${box.online ? "" : " is-away"}`} data-box={box.id} data-online={box.online} aria-label={box.name}>
      <div class="rec-head">
        <h2>
          <Icon name={box.online ? "circle-check" : "wifi-off"} small /> {box.name}
        </h2>
        <p class={box.online ? "sub" : "rec-warn"}>{state}</p>
        <p class="sub small">{box.online ? box.expected > 0 && words.working(box.working, box.expected) : words.offlineHint}</p>
        {box.online && box.working < box.expected && <p class="rec-warn small"><ServerText text={box.summary} /></p>}
        {box.online && <StandbyTrouble all={box.standbys} />}
      </div>
      <div class="rec-pictures">
        {box.cameras.slice(0, PICTURES).map((camera) => (
          <Picture key={camera.info.id} box={box} camera={camera} now_ms={now_ms} />
        ))}
      </div>
      <div class="rec-acts">
        {box.online && (
          <a class="btn" href={`/boxes/${box.id}/`} aria-label={`${words.open}: ${box.name}`}>
            {words.open} <Icon name="chevron-right" small />
          </a>
        )}
        <button type="button" class="btn ghost" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
          {words.details}
        </button>
      </div>
      {open.value && (
        <dl class="rec-details">
          <dt>{words.words}</dt>
          <dd>
            <b>{box.words}</b>
            <span class="small muted"> {words.wordsHint}</span>
          </dd>
          <dt>{words.allowed}</dt>
          <dd>
            {box.allow.map((one) => words.allow[one] ?? one).join(", ") || words.nothing}
            {box.version && <span class="small muted"> · {words.version(box.version)}</span>}
          </dd>
          <Standbys all={box.standbys} />
          {isOwner && (
            <dd>
              <button type="button" class="btn bad" onClick={() => (asks.value = true)}>
                {words.remove}
              </button>
            </dd>
          )}
        </dl>
      )}
      {asks.value && <Remove box={box} onClose={() => (asks.value = false)} />}
    </section>
  );
}

const FRESH_MS = 10_000;

function Picture({ box, camera, now_ms }: { box: FleetBox; camera: FleetBox["cameras"][number]; now_ms: number }) {
  const isLive = box.online && box.allow.includes("live");
  const mayShow = isLive || (!box.online && camera.picture_ms !== null);
  const at = cameraPath(camera.info.id);
  const source = isLive
    ? `/boxes/${box.id}/api/v1${at}/snapshot?width=320&again=${Math.floor(now_ms / FRESH_MS)}`
    : `/api/v1/fleet/boxes/${box.id}${at}/picture`;
  const seen = !box.online && camera.picture_ms !== null ? words.seen(when(camera.picture_ms)) : "";
  return (
    <figure class="rec-picture" data-camera={camera.info.id}>
      {mayShow ? <img alt="" src={source} /> : <span class="small muted">{words.noPicture}</span>}
      <figcaption>
        {camera.info.name}
        {seen && <span> · {seen}</span>}
      </figcaption>
    </figure>
  );
}

function Remove({ box, onClose }: { box: FleetBox; onClose: () => void }) {
  const failed = useSignal("");
  const act = () =>
    remove(`/fleet/boxes/${box.id}`).then(
      () => {
        toast(words.removed(box.name));
        onClose();
      },
      (reason: unknown) => {
        failed.value = sentences(reason);
      },
    );
  return (
    <Sheet title={words.removeAsk(box.name)} onClose={onClose}>
      <p>{words.removeHint}</p>
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      <div class="row">
        <button type="button" class="btn bad" onClick={() => void act()}>
          {words.removeNow}
        </button>
        <button type="button" class="btn" onClick={onClose}>
          {t.actions.close}
        </button>
      </div>
    </Sheet>
  );
}
