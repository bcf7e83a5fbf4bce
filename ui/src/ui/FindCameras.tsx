import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, post, url } from "../api/client";
import type { AddedCamera, CameraPreview, CameraSearch, FoundCamera } from "../api/types";
import { findCameras as words } from "../strings/find-cameras";
import { Icon } from "./Icon";
import { MovedCamera } from "./MovedCamera";
import { type AddedRecording, RecordChoice, SoundChoice } from "./RecordChoice";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import { toast } from "./toast";
import "./settings.css";
import "./find-cameras.css";

const POLL_MS = 600;
const PICTURES_MS = 1_000;
const MOST_AT_ONCE = 8;
const MOST_NAME = 80;

/** What is known of a camera before it is tried. `needsLogin`: it is in the network. */
export interface ChosenCamera {
  address: string;
  title: string;
  onvif: string;
  said: string;
  rtsp_port: number;
  path: string;
  needsLogin: boolean;
}

interface Props {
  /** One camera's details are wanted. */
  onChoose?: (chosen: ChosenCamera) => void;
  /** Cameras were added; they record. */
  onAdded?: (cameras: string[]) => void;
  /** So many are selected and not added yet. */
  onPicked?: ((count: number) => void) | undefined;
}

type State = keyof typeof words.states;

/** Searches for cameras, shows live test pictures of the selected ones, and adds all that answered at once. */
export function FindCameras({ onChoose, onAdded, onPicked }: Props) {
  const search = useSignal<CameraSearch | null>(null);
  const previews = useSignal<CameraPreview[]>([]);
  const ticked = useSignal<ReadonlySet<string>>(new Set());
  const names = useSignal<Readonly<Record<string, string>>>({});
  const refused = useSignal<Readonly<Record<string, string>>>({});
  const failed = useSignal("");
  const adding = useSignal(false);
  const record = useSignal<AddedRecording>("continuous");
  const sound = useSignal(false);
  usePolling(search, previews, failed);

  const found = search.value?.found ?? [];
  const previewOf = (camera: FoundCamera): CameraPreview | null => previews.value.find((one) => one.place === camera.place) ?? null;
  const stateOf = (camera: FoundCamera): State => cardState(camera, previewOf(camera));
  const nameOf = (camera: FoundCamera): string => names.value[camera.place] ?? suggested(camera, found);
  const chosen = found.filter((one) => ticked.value.has(one.place) && canBeAdded(one));
  const live = chosen.filter((one) => stateOf(one) === "live");
  const silent = chosen.filter((one) => !["live", "getting"].includes(stateOf(one)));
  const selectable = found.filter(canBeAdded);
  useEffect(() => onPicked?.(chosen.length), [chosen.length]);
  useEffect(() => () => onPicked?.(0), []);

  const getPictures = async (cameras: FoundCamera[], user: string, password: string) => {
    const answers = await Promise.allSettled(cameras.map((one) => post<CameraPreview>("/camera-previews", { ...wantedOf(one), user, password })));
    const problems = cameras.map((one, n) => [one.place, answers[n]?.status === "rejected" ? sentences(answers[n].reason) : ""] as const);
    refused.value = { ...refused.value, ...Object.fromEntries(problems) };
    previews.value = (await get<{ items: CameraPreview[] }>("/camera-previews")).items;
  };
  const add = async () => {
    adding.value = true;
    const made: string[] = [];
    for (const one of live) {
      const preview = previewOf(one);
      if (!preview) continue;
      try {
        const asked = { name: nameOf(one).trim(), record: record.value, sound: sound.value };
        made.push((await post<AddedCamera>(`/camera-previews/${preview.id}/camera`, asked)).camera);
      } catch (reason) {
        refused.value = { ...refused.value, [one.place]: sentences(reason) };
      }
    }
    adding.value = false;
    await get<CameraSearch>("/camera-search").then((now) => (search.value = now)).catch(() => {}); // shown as added by the next search otherwise
    if (made.length === 0) return;
    toast(record.value === "events" ? words.waits(made.length) : words.added(made.length));
    onAdded?.(made);
  };
  const tick = (place: string, on: boolean) => {
    const now = new Set(ticked.value);
    if (on) now.add(place);
    else now.delete(place);
    ticked.value = now;
  };

  return (
    <section class="card find" aria-labelledby="find-title">
      <Search search={search} failed={failed} />
      {failed.value && (
        <p class="find-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {Object.entries(search.value?.moved ?? {}).map(([camera, place]) => (
        <MovedCamera key={camera} camera={camera} place={place} />
      ))}
      {selectable.length > 1 && (
        <button type="button" class="btn ghost" onClick={() => (ticked.value = new Set(selectable.map((one) => one.place)))}>
          {words.all}
        </button>
      )}
      {found.length > 0 && (
        <ul class="find-cards">
          {found.map((one) => (
            <Card
              key={one.place}
              camera={one}
              preview={previewOf(one)}
              state={stateOf(one)}
              ticked={ticked.value.has(one.place)}
              name={nameOf(one)}
              refused={refused.value[one.place] ?? ""}
              onTick={(on) => tick(one.place, on)}
              onName={(name) => (names.value = { ...names.value, [one.place]: name })}
              onChoose={onChoose}
            />
          ))}
        </ul>
      )}
      <datalist id="find-ideas">
        {words.ideas.map((idea) => (
          <option key={idea} value={idea} />
        ))}
      </datalist>
      {silent.length > 0 && <Login cameras={silent} onGet={getPictures} />}
      {live.length > 0 && (
        <div class="col find-add">
          <RecordChoice value={record.value} onChange={(value) => (record.value = value)} />
          <SoundChoice value={sound.value} onChange={(value) => (sound.value = value)} />
          <button type="button" class="btn pri" disabled={adding.value || live.some((one) => !nameOf(one).trim())} onClick={() => void add()}>
            {adding.value ? words.adding : words.add(live.length)}
          </button>
        </div>
      )}
    </section>
  );
}

/** Keeps the pictures alive while this is shown; some seconds later they end. */
function usePolling(search: Signal<CameraSearch | null>, previews: Signal<CameraPreview[]>, failed: Signal<string>) {
  const hasPreviews = useComputed(() => previews.value.length > 0).value;
  const runs = useComputed(() => search.value?.running ?? false).value;
  useEffect(() => {
    if (!runs) return;
    const poll = () => get<CameraSearch>("/camera-search").then((now) => (search.value = now));
    const timer = setInterval(() => void poll().catch((reason: unknown) => (failed.value = sentences(reason))), POLL_MS);
    return () => clearInterval(timer);
  }, [runs]);
  useEffect(() => {
    if (!hasPreviews) return;
    const poll = () => get<{ items: CameraPreview[] }>("/camera-previews").then((now) => (previews.value = now.items));
    const timer = setInterval(() => void poll().catch(() => {}), PICTURES_MS); // the next one shows what is right
    return () => clearInterval(timer);
  }, [hasPreviews]);
}

function Search({ search, failed }: { search: Signal<CameraSearch | null>; failed: Signal<string> }) {
  const probe = useSignal(false);
  const now = search.value;
  const count = now?.found.length ?? 0;
  const start = async () => {
    failed.value = "";
    try {
      search.value = await post<CameraSearch>("/camera-search", { probe: probe.value });
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  return (
    <>
      <div class="row between wrap">
        <div>
          <h2 id="find-title">{words.title}</h2>
          <p class="small sub">{words.sub}</p>
        </div>
        <button type="button" class={now ? "btn" : "btn pri"} disabled={now?.running ?? false} onClick={() => void start()}>
          <Icon name="search" small />
          {now ? words.again : words.start}
        </button>
      </div>
      <label class="row small find-probe">
        <input type="checkbox" checked={probe.value} onChange={(event) => (probe.value = event.currentTarget.checked)} />
        <span>
          {words.probe} <span class="sub">{words.probeSub}</span>
        </span>
      </label>
      {now?.fixed && <p class="small sub"><ServerText text={now.fixed} /></p>}
      <p class="small sub" role="status">
        {now && count > 0 ? words.found(count) : now?.running ? words.searching : ""}
      </p>
      {now && !now.running && count === 0 && (
        <div class="find-none">
          <b>{words.none}</b>
          <ul class="small sub">
            {words.hints.map((hint) => (
              <li key={hint}>{hint}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

interface CardProps {
  camera: FoundCamera;
  preview: CameraPreview | null;
  state: State;
  ticked: boolean;
  name: string;
  refused: string;
  onTick: (on: boolean) => void;
  onName: (name: string) => void;
  onChoose: Props["onChoose"];
}

function Card({ camera, preview, state, ticked, name, refused, onTick, onName, onChoose }: CardProps) {
  const usable = canBeAdded(camera);
  const said = refused || camera.problem || [preview?.message, preview?.hint].filter(Boolean).join(" ");
  const tone = { live: "ok", wrong_login: "bad", no_rtsp: "bad", failed: "bad", unusable: "bad" }[state as string] ?? "";
  return (
    <li class={`find-card${ticked && usable ? " ticked" : ""}`}>
      <div class="find-picture">
        {preview && preview.number > 0 ? (
          <img alt={words.picture(camera.title)} src={url(`/camera-previews/${preview.id}/picture`, { n: preview.number })} />
        ) : (
          <Icon name={state === "getting" ? "video" : "video-off"} />
        )}
        <span class={`find-state ${tone}`}>{words.states[state]}</span>
      </div>
      <label class="find-tick">
        <input
          type="checkbox"
          checked={ticked && usable}
          disabled={!usable}
          aria-label={words.select(camera.title)}
          onChange={(event) => onTick(event.currentTarget.checked)}
        />
        <span>
          <b>{camera.title}</b>
          <span class="small sub">{placeWords(camera)}</span>
        </span>
      </label>
      {said && (
        <p class="small find-refused">
          <ServerText text={said} />
        </p>
      )}
      {state === "live" && ticked && (
        <input
          class="find-name"
          type="text"
          required
          maxLength={MOST_NAME}
          value={name}
          list="find-ideas"
          autocomplete="off"
          aria-label={words.name(camera.place)}
          onInput={(event) => onName(event.currentTarget.value)}
        />
      )}
      {usable && onChoose && (
        <button type="button" class="btn ghost" aria-label={words.detailsOf(camera.title)} onClick={() => onChoose(chosenOf(camera))}>
          {words.details}
        </button>
      )}
    </li>
  );
}

/** One user name and password for the selected cameras that show nothing yet, or for those of one maker. */
function Login({ cameras, onGet }: { cameras: FoundCamera[]; onGet: (cameras: FoundCamera[], user: string, password: string) => Promise<void> }) {
  const user = useSignal("");
  const password = useSignal("");
  const shown = useSignal(false);
  const maker = useSignal<string | null>(null);
  const busy = useRef(false);
  const makers = [...new Set(cameras.map((one) => one.maker))].sort();
  const now = maker.value !== null && makers.includes(maker.value) ? maker.value : null;
  const ours = cameras.filter((one) => now === null || one.maker === now);
  const inNetwork = cameras.some((one) => one.kind === "network");
  const get = async () => {
    if (busy.current) return;
    busy.current = true;
    await onGet(ours.slice(0, MOST_AT_ONCE), user.value, password.value).catch(() => {}); // each card says why
    busy.current = false;
  };
  return (
    <form
      class="col find-login"
      aria-labelledby="find-login"
      onSubmit={(event) => {
        event.preventDefault();
        void get();
      }}
    >
      {inNetwork && (
        <>
          <h3 id="find-login">{words.login.title}</h3>
          <p class="small sub">{words.login.sub}</p>
          <div class="find-fields">
            {makers.length > 1 && (
              <label class="find-field">
                <span>{words.login.for}</span>
                <select value={now ?? "*"} onChange={(event) => (maker.value = event.currentTarget.value === "*" ? null : event.currentTarget.value)}>
                  <option value="*">{words.login.everyone(cameras.length)}</option>
                  {makers.map((one) => (
                    <option key={one} value={one}>
                      {words.login.ofMaker(one || words.login.others, cameras.filter((camera) => camera.maker === one).length)}
                    </option>
                  ))}
                </select>
              </label>
            )}
            <label class="find-field">
              <span>{words.login.user}</span>
              <input type="text" value={user.value} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(event) => (user.value = event.currentTarget.value)} />
            </label>
            <label class="find-field">
              <span>{words.login.password}</span>
              <input
                {...(shown.value ? { type: "text" as const } : { type: "password" as const })}
                value={password.value}
                autocomplete="new-password"
                autocapitalize="off"
                spellcheck={false}
                onInput={(event) => (password.value = event.currentTarget.value)}
              />
            </label>
          </div>
          <label class="row small find-show">
            <input type="checkbox" checked={shown.value} onChange={(event) => (shown.value = event.currentTarget.checked)} />
            {words.login.show}
          </label>
        </>
      )}
      {ours.length > MOST_AT_ONCE && <p class="small sub">{words.most(MOST_AT_ONCE)}</p>}
      <div class="row">
        <button type="submit" class="btn pri">
          {words.login.get(Math.min(ours.length, MOST_AT_ONCE))}
        </button>
      </div>
    </form>
  );
}

const isLocal = (camera: FoundCamera): boolean => camera.kind === "usb" || camera.kind === "pi";

function canBeAdded(camera: FoundCamera): boolean {
  return camera.camera === null && camera.kind !== "tawny" && camera.problem === "";
}

function cardState(camera: FoundCamera, preview: CameraPreview | null): State {
  if (camera.camera !== null) return "known";
  if (camera.kind === "tawny") return "tawny";
  if (camera.problem) return "unusable";
  return preview?.state ?? (isLocal(camera) ? "ready" : "needs_login");
}

function placeWords(camera: FoundCamera): string {
  if (isLocal(camera)) return [words.local, camera.width > 0 ? words.size(camera.width, camera.height) : ""].filter(Boolean).join(" · ");
  return [camera.place, words.by(camera.ways.map((way) => words.ways[way] ?? way).join(", "))].join(" · ");
}

/** Its title, with a number where several have the same. */
function suggested(camera: FoundCamera, all: FoundCamera[]): string {
  const same = all.filter((one) => one.title === camera.title);
  const title = camera.title.slice(0, MOST_NAME - 4);
  return same.length > 1 ? `${title} ${same.indexOf(camera) + 1}` : title;
}

function wantedOf(camera: FoundCamera) {
  const { address, onvif, said, rtsp_port, path } = chosenOf(camera);
  return { address, onvif, said, rtsp_port, path };
}

function chosenOf(camera: FoundCamera): ChosenCamera {
  const { place, title, onvif, maker, model, rtsp_port, path } = camera;
  return { address: place, title, onvif, said: [maker, model].filter(Boolean).join(" "), rtsp_port, path, needsLogin: !isLocal(camera) };
}
