import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, post } from "../../api/client";
import { cameras } from "../../api/state";
import type { AddedCamera, CameraChange, CameraMaker, CameraMakers, CameraTrial } from "../../api/types";
import { addCamera as words } from "../../strings/add-camera";
import { focusOnce } from "../../ui/Access";
import { DemoCamera } from "../../ui/DemoCamera";
import { phoneCamera } from "../../strings/phone-camera";
import { type ChosenCamera, FindCameras } from "../../ui/FindCameras";
import { Icon } from "../../ui/Icon";
import { useLeaving } from "../../ui/leaving";
import { Page } from "../../ui/Page";
import { PhonePairing } from "../../ui/PhonePairing";
import { go } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { type AddedRecording, RecordChoice, SoundChoice } from "../../ui/RecordChoice";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { size } from "../../ui/times";
import { toast } from "../../ui/toast";
import { type Orientation, UPRIGHT } from "../../ui/Turn";
import { Result } from "./Result";
import "../../ui/settings.css";
import "./add-camera.css";

/** From nothing to a recording camera: search or address, sign-in, a look at what it sends, a name. */
export default function AddCamera() {
  const owner = session.value?.user?.role === "owner";
  const isTyped = useRef(false);
  const leaving = useLeaving({ isChanged: () => isTyped.current });
  return (
    <Page title={words.title} back="/settings" class="settings add-camera">
      {leaving.sheet}
      <div class="settings-in" onInput={() => (isTyped.current = true)}>
        {owner ? (
          <CameraAdder onOther={() => (isTyped.current = false)} onAdded={(camera) => go(camera ? `/live/${encodeURIComponent(camera)}` : "/", { anyway: true })} />
        ) : (
          <p class="card sub">{words.onlyOwners}</p>
        )}
      </div>
    </Page>
  );
}

/** The same without a page around it. onPicked: how many are selected in the search. onAdded: is called with the ID of the new camera; without one if there are several. onOther: is called when the search is shown again. */
export function CameraAdder({ onAdded, onPicked, onOther }: { onAdded: (camera?: string) => void; onPicked?: (count: number) => void; onOther?: () => void }) {
  const chosen = useSignal<ChosenCamera | null>(null);
  const search = () => {
    chosen.value = null;
    onOther?.();
  };
  if (chosen.value) return <OneCamera key={chosen.value.address} chosen={chosen.value} onOther={search} onAdded={onAdded} />;
  return (
    <>
      <FindCameras onChoose={(one) => (chosen.value = one)} onAdded={() => onAdded()} onPicked={onPicked} />
      <Address onChoose={(one) => (chosen.value = one)} />
      <PhoneCard onAdded={onAdded} />
      {cameras.value.length === 0 && <DemoCamera onAdded={onAdded} />}
    </>
  );
}

function PhoneCard({ onAdded }: { onAdded: (camera: string) => void }) {
  const open = useSignal(false);
  return (
    <section class="card" aria-labelledby="phone-card">
      <div class="row between wrap">
        <div class="grow">
          <h2 id="phone-card">{phoneCamera.card.title}</h2>
          <p class="small sub">{phoneCamera.card.sub}</p>
        </div>
        <button type="button" class="btn" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
          {!open.value && <Icon name="smartphone" small />}
          {open.value ? phoneCamera.card.cancel : phoneCamera.card.start}
        </button>
      </div>
      {open.value && <PhonePairing onJoined={onAdded} />}
    </section>
  );
}

/** Words in an address that a person has to replace, as in `rtsp://HOST:8554/STREAM`. */
const TO_REPLACE = /\b(HOST|STREAM|CAMERA|NAME)\b/;

function Address({ onChoose }: { onChoose: (chosen: ChosenCamera) => void }) {
  const address = useSignal("");
  const makers = useSignal<CameraMaker[]>([]);
  const maker = useSignal<CameraMaker | null>(null);
  const unfinished = useSignal(false);
  useEffect(() => {
    get<CameraMakers>("/camera-makers").then(
      ({ items }) => (makers.value = items),
      () => undefined, // it only saves typing
    );
  }, []);
  const pick = (name: string) => {
    const before = maker.value;
    maker.value = makers.value.find((one) => one.name === name) ?? null;
    if (!address.value || address.value === before?.address) address.value = maker.value?.address ?? "";
    unfinished.value = false;
  };
  return (
    <form
      class="card"
      aria-labelledby="address-title"
      onSubmit={(event) => {
        event.preventDefault();
        const text = address.value.trim();
        unfinished.value = TO_REPLACE.test(text);
        if (unfinished.value) return;
        const said = maker.value && !maker.value.is_server ? maker.value.name : "";
        const needsLogin = !text.startsWith("/dev/") && !/^(picamera|demo):/.test(text);
        if (text) onChoose({ address: text, title: text, onvif: "", said, rtsp_port: 0, path: "", needsLogin });
      }}
    >
      <h2 id="address-title">{words.address.title}</h2>
      <div class="row wrap add-address">
        {makers.value.length > 0 && (
          <label class="add-field">
            <span>{words.address.maker}</span>
            <select value={maker.value?.name ?? ""} onChange={(event) => pick(event.currentTarget.value)}>
              <option value="">{words.address.anyMaker}</option>
              {[false, true].map((servers) => (
                <optgroup key={String(servers)} label={servers ? words.address.servers : words.address.makers}>
                  {makers.value
                    .filter((one) => one.is_server === servers)
                    .map((one) => (
                      <option key={one.name} value={one.name}>
                        {one.name}
                      </option>
                    ))}
                </optgroup>
              ))}
            </select>
          </label>
        )}
        <label class="add-field grow">
          <span>{words.address.label}</span>
          <input
            type="text"
            required
            value={address.value}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby="address-hint"
            onInput={(event) => (address.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="btn">
          {words.address.go}
        </button>
      </div>
      <p class="small sub" id="address-hint">
        {maker.value?.prepare ? <ServerText text={maker.value.prepare} /> : words.address.hint}
      </p>
      {unfinished.value && (
        <p class="add-refused" role="alert">
          {words.address.replace}
        </p>
      )}
    </form>
  );
}

type Trial = { is: "open" } | { is: "trying" } | { is: "refused"; words: string } | { is: "fine"; result: CameraTrial };

interface OneCameraProps {
  chosen: ChosenCamera;
  onOther: () => void;
  onAdded: (camera: string) => void;
}

function OneCamera({ chosen, onOther, onAdded }: OneCameraProps) {
  const user = useSignal("");
  const password = useSignal("");
  const shown = useSignal(false);
  const trial = useSignal<Trial>({ is: "open" });
  const name = useSignal("");
  const record = useSignal<AddedRecording>("continuous");
  const sound = useSignal(false);
  const turn = useSignal<Orientation>(UPRIGHT);
  const adding = useSignal(false);
  const refused = useSignal("");
  const changeFailed = useSignal("");
  const leaving = useLeaving({ isChanged: () => Boolean(user.value || password.value || name.value), close: onOther });
  const wanted = () => ({
    address: chosen.address,
    onvif: chosen.onvif,
    said: chosen.said,
    rtsp_port: chosen.rtsp_port,
    path: chosen.path,
    user: user.value,
    password: password.value,
  });
  /** `change`: what is changed in the camera before. */
  const test = async (change: CameraChange | null = null) => {
    const before = trial.value;
    trial.value = { is: "trying" };
    changeFailed.value = "";
    try {
      const asked = change ? post<CameraTrial>("/camera-trial/change", { ...wanted(), change }) : post<CameraTrial>("/camera-trial", wanted());
      trial.value = { is: "fine", result: await asked };
    } catch (reason) {
      if (change) {
        changeFailed.value = sentences(reason);
        trial.value = before;
      } else trial.value = { is: "refused", words: sentences(reason) };
    }
  };
  const add = async () => {
    adding.value = true;
    refused.value = "";
    try {
      const { camera } = await post<AddedCamera>("/cameras", { ...wanted(), ...turn.value, name: name.value.trim(), record: record.value, sound: sound.value });
      password.value = "";
      toast(record.value === "events" ? words.name.waits(name.value.trim()) : words.name.added(name.value.trim()));
      onAdded(camera);
    } catch (reason) {
      refused.value = sentences(reason);
      adding.value = false;
    }
  };
  useEffect(() => {
    if (!chosen.needsLogin) void test();
  }, []);
  const trying = trial.value.is === "trying";
  const change = (apply: () => void) => {
    apply();
    if (!trying) trial.value = { is: "open" };
  };
  return (
    <>
      {leaving.sheet}
      <section class="card" aria-labelledby="login-title">
        <div class="row between wrap">
          <div>
            <h2 id="login-title" tabIndex={-1} ref={focusOnce}>{chosen.title}</h2>
            {chosen.title !== chosen.address && <p class="small sub">{chosen.address}</p>}
          </div>
          <button type="button" class="btn ghost" onClick={onOther}>
            <Icon name="chevron-left" small />
            {words.login.other}
          </button>
        </div>
        <form
          class="col add-login"
          onSubmit={(event) => {
            event.preventDefault();
            void test();
          }}
        >
          {chosen.needsLogin && (
            <>
              <p class="small sub">{words.login.sub}</p>
              <div class="add-fields">
                <label class="add-field">
                  <span>{words.login.user}</span>
                  <input
                    type="text"
                    value={user.value}
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck={false}
                    onInput={(event) => change(() => (user.value = event.currentTarget.value))}
                  />
                </label>
                <label class="add-field">
                  <span>{words.login.password}</span>
                  <input
                    {...(shown.value ? { type: "text" as const } : { type: "password" as const })}
                    value={password.value}
                    autocomplete="new-password"
                    autocapitalize="off"
                    spellcheck={false}
                    onInput={(event) => change(() => (password.value = event.currentTarget.value))}
                  />
                </label>
              </div>
              <label class="row small">
                <input type="checkbox" checked={shown.value} onChange={(event) => (shown.value = event.currentTarget.checked)} />
                {words.login.show}
              </label>
            </>
          )}
          <div class="row wrap">
            <button type="submit" class={trial.value.is === "fine" ? "btn" : "btn pri"} disabled={trying}>
              {trial.value.is === "open" || trying ? words.login.try : words.login.again}
            </button>
            <p class="small sub" role="status">
              {trying ? words.login.trying : ""}
            </p>
          </div>
          {trial.value.is === "refused" && (
            <p class="add-refused" role="alert">
              <ServerText text={trial.value.words} />
            </p>
          )}
        </form>
      </section>
      {trial.value.is === "fine" && (
        <>
          <Result trial={trial.value.result} turn={turn.value} onTurn={(to) => (turn.value = to)} onChange={(change) => void test(change)} />
          {changeFailed.value && (
            <p class="add-refused" role="alert">
              <ServerText text={changeFailed.value} />
            </p>
          )}
          <form
            class="card"
            aria-labelledby="name-title"
            onSubmit={(event) => {
              event.preventDefault();
              void add();
            }}
          >
            <h2 id="name-title">{words.name.title}</h2>
            <div class="row wrap add-address">
              <label class="add-field grow">
                <span>{words.name.label}</span>
                <input
                  type="text"
                  required
                  maxLength={80}
                  value={name.value}
                  autocomplete="off"
                  onInput={(event) => (name.value = event.currentTarget.value)}
                />
              </label>
              <button type="submit" class="btn pri" disabled={adding.value || !name.value.trim()}>
                {adding.value ? words.name.adding : words.name.add}
              </button>
            </div>
            <div class="row wrap add-ideas">
              {words.name.ideas.map((idea) => (
                <button key={idea} type="button" class={`chip ${name.value === idea ? "on" : ""}`} onClick={() => (name.value = idea)}>
                  {idea}
                </button>
              ))}
            </div>
            <RecordChoice value={record.value} day={dayOf(trial.value.result)} onChange={(value) => (record.value = value)} />
            <SoundChoice value={sound.value} onChange={(value) => (sound.value = value)} />
            {refused.value && (
              <p class="add-refused" role="alert">
                <ServerText text={refused.value} />
              </p>
            )}
          </form>
        </>
      )}
    </>
  );
}

function dayOf({ streams: { main, sub } }: CameraTrial): string {
  const day_bytes = (main?.day_bytes ?? 0) + (sub?.day_bytes ?? 0);
  return day_bytes > 0 ? size(day_bytes) : "";
}
