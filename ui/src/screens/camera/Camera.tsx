import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { cameraPath, get } from "../../api/client";
import { cameras, health, on, readMeter } from "../../api/state";
import type { Camera, Controls, Reading } from "../../api/types";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { Lazy } from "../../ui/Lazy";
import { Page } from "../../ui/Page";
import { useLeaving } from "../../ui/leaving";
import { type Params, place, setQuery } from "../../ui/router";
import { mayDirect, session } from "../../ui/session";
import { Problem } from "../../ui/Problem";
import { toast } from "../../ui/toast";
import { Advanced } from "./Advanced";
import { Day } from "./Day";
import { Editor } from "./Editor";
import { Connection } from "./Connection";
import { FalseAlarms } from "./FalseAlarms";
import { General } from "./General";
import { Meter } from "./Meter";
import { Modes } from "./Modes";
import { TurnCamera } from "./Orientation";
import { Places } from "./Places";
import { asked, rectangle } from "./geometry";
import { PrivateParts } from "./PrivateParts";
import { Reads } from "./Reads";
import { TuningStore } from "./store";
import { type Tab, Tabs, tabNamed } from "./Tabs";
import { camera as words } from "../../strings/camera";
import { ServerText } from "../../ui/ServerText";
import "../../ui/save-bar.css";
import "./camera.css";
import "./editor.css";

const RECORDING = () => import("./Recording");
const LENS = () => import("./Lens");
const DANGER = () => import("./Danger");
const SOUND = () => import("./Sound");
const PTZ = () => import("./Ptz");
const waiting = (failed: boolean) => <p class="small sub">{failed ? words.reload : words.loading}</p>;
/** Tabs of detection, which need its settings. */
const WATCHING: readonly Tab[] = ["picture", "motion", "sound"];
const PRIVATE = ["private"] as const;
const PLACES = ["zones", "lines", "mask"] as const;
const REFRESH_MS = 10_000;
const help: KeyHelp = {
  section: words.title,
  rows: [
    { keys: ["↑", "↓"], words: words.meter.level },
    { keys: ["Z"], words: words.picture.zone },
    { keys: ["U"], words: words.picture.undo },
  ],
};
const nothing = signal<Reading | null>(null);

export default function CameraSettings({ params }: { params: Params }) {
  const id = params["camera"] ?? "";
  const camera = cameras.value.find((each) => each.id === id);
  if (!camera)
    return (
      <Page title={words.title} back="/settings">
        {health.value && <Problem icon="video-off" what={words.gone} href="/settings" button={words.goneDo} />}
      </Page>
    );
  return <Shown key={id} camera={camera} tab={tabNamed(params["tab"])} />;
}

function Shown({ camera, tab }: { camera: Camera; tab: Tab }) {
  const store = useMemo(() => new TuningStore(camera.id), [camera.id]);
  const reading = useReading(camera.id);
  const disabled = session.value?.user?.role !== "owner";
  const controls = useControls(disabled ? null : camera.id);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => void store.load(stop.signal);
    load();
    const unhear = on("back", () => store.now.peek() ?? load());
    const timer = setInterval(() => void store.refresh(), REFRESH_MS);
    return () => {
      unhear();
      stop.abort();
      clearInterval(timer);
    };
  }, [store]);
  useKeys(
    {
      ArrowUp: () => (disabled || tab !== "motion" ? false : store.level(1)),
      ArrowDown: () => (disabled || tab !== "motion" ? false : store.level(-1)),
      z: () => (disabled || tab !== "motion" ? false : store.add("zones", rectangle([0.3, 0.4], [0.7, 0.85]), words.places.newZone)),
      u: () => store.undo(),
    },
    help,
  );
  const now = store.now.value;
  const failed = store.failed.value;
  useEffect(() => {
    const mask = asked(place.peek().query.get("mask"));
    if (!now || disabled || !mask) return;
    store.add("mask", mask, "");
    setQuery({ mask: null });
  }, [now !== null, disabled]);
  return (
    <Page title={camera.name} back="/settings" class="tuning">
      {!now && failed && <Problem what={failed.message} todo={failed.todo} href="/settings" button={words.goneDo} />}
      <Tabs camera={camera} now={tab} turns={controls?.turns ?? false} listens={now?.watch.sound.listen ?? false} />
      {tab === "general" && <General camera={camera} />}
      {tab === "recording" && <Lazy load={RECORDING} props={{ camera }} waiting={waiting} />}
      {tab === "danger" && <Lazy load={DANGER} props={{ camera }} waiting={waiting} />}
      {tab === "ptz" && <Lazy load={PTZ} props={{ camera, presets: controls?.presets ?? [], disabled }} waiting={waiting} />}
      {tab === "connection" && <Connection camera={camera} />}
      {now && WATCHING.includes(tab) && (
        <>
          <div class="tu-main">
            {disabled && <p class="small sub tu-note">{words.onlyOwner}</p>}
            {!disabled && !now.kept && <p class="small sub tu-note">{words.notKept}</p>}
            {tab === "picture" && (
              <div class="tu-stage alone">
                <Editor store={store} camera={camera} reading={nothing} draws={PRIVATE} disabled={disabled} />
              </div>
            )}
            {tab === "motion" && (
              <>
                <div class="tu-stage">
                  <Editor store={store} camera={camera} reading={reading} draws={PLACES} disabled={disabled} />
                  <Meter store={store} reading={reading} disabled={disabled} />
                </div>
                <Day store={store} camera={camera} disabled={disabled} />
                <FalseAlarms store={store} disabled={disabled} />
                <Modes store={store} disabled={disabled} />
              </>
            )}
            {tab === "sound" && <Lazy load={SOUND} props={{ store, camera, reading, disabled }} waiting={waiting} />}
          </div>
          {tab === "picture" && (
            <aside class="tu-side">
              <TurnCamera store={store} camera={camera} disabled={disabled} />
              <Lazy load={LENS} props={{ camera, disabled }} waiting={waiting} />
              <PrivateParts store={store} camera={camera} disabled={disabled} />
            </aside>
          )}
          {tab === "motion" && (
            <aside class="tu-side">
              <Places store={store} disabled={disabled} />
              <Reads store={store} disabled={disabled} />
              <Advanced store={store} disabled={disabled} />
            </aside>
          )}
        </>
      )}
      {now && (store.changed.value || failed) && <SaveBar store={store} />}
      {now && <Leaving store={store} />}
    </Page>
  );
}

/** What of the camera can be moved; null until it has said so, and for those who may not. */
function useControls(camera: string | null): Controls | null {
  const [controls, setControls] = useState<Controls | null>(null);
  useEffect(() => {
    if (camera !== null && mayDirect()) get<Controls>(`${cameraPath(camera)}/controls`).then(setControls, () => {}); // no such tab, then
  }, [camera]);
  return controls;
}

/** Each look at the camera, while it is shown here. */
function useReading(camera: string): ReadonlySignal<Reading | null> {
  const [reading, setReading] = useState<ReadonlySignal<Reading | null>>(nothing);
  useEffect(() => {
    const meter = readMeter(camera);
    setReading(meter.reading);
    return meter.stop;
  }, [camera]);
  return reading;
}

function SaveBar({ store }: { store: TuningStore }) {
  const failed = store.failed.value;
  const save = async (anyway: boolean) => {
    if (await store.save(anyway)) toast(words.save.saved);
  };
  return (
    <div class="save-bar tu-bar" role="region" aria-label={words.save.bar}>
      <span class="grow" role={failed ? "alert" : "status"}>
        {failed ? (
          <>
            <b>
              <ServerText text={failed.message} />
            </b>{" "}
            <ServerText text={failed.todo} />
          </>
        ) : (
          words.save.bar
        )}
      </span>
      {failed?.code === "changed" ? (
        <>
          <button
            type="button"
            class="btn"
            onClick={() => {
              store.failed.value = null;
              void store.load();
            }}
          >
            {words.save.reload}
          </button>
          <button type="button" class="btn pri" onClick={() => void save(true)}>
            {words.save.overwrite}
          </button>
        </>
      ) : (
        <>
          <button
            type="button"
            class="btn ghost"
            onClick={() => {
              store.failed.value = null;
              store.reset();
            }}
          >
            {words.save.undo}
          </button>
          <button type="button" class="btn pri" disabled={store.saving.value} onClick={() => void save(false)}>
            {store.saving.value ? words.save.saving : words.save.save}
          </button>
        </>
      )}
    </div>
  );
}

/** Asks before changes are lost; on the other tabs of the camera they are kept. */
function Leaving({ store }: { store: TuningStore }) {
  const here = `/settings${cameraPath(store.camera)}`;
  const { sheet } = useLeaving({
    isChanged: () => store.changed.peek(),
    within: (to) => to.split(/[?#]/)[0] === here || to.startsWith(`${here}/`),
  });
  return <>{sheet}</>;
}
