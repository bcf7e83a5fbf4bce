import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get, post } from "../../api/client";
import type { AddedCamera, CameraSearch, CameraTrial, FoundCamera } from "../../api/types";
import { addCamera as words } from "../../strings/add-camera";
import { Icon } from "../../ui/Icon";
import { Page } from "../../ui/Page";
import { go } from "../../ui/router";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { toast } from "../../ui/toast";
import { Result } from "./Result";
import "../../ui/settings.css";
import "./add-camera.css";

const POLL_MS = 600;

/** What is known of the camera before it is tried. `needsLogin`: it is in the network. */
interface Chosen {
  address: string;
  title: string;
  onvif: string;
  said: string;
  needsLogin: boolean;
}

/** From nothing to a recording camera: search or address, sign-in, a look at what it sends, a name. */
export default function AddCamera() {
  const owner = session.value?.user?.role === "owner";
  return (
    <Page title={words.title} back="/settings" class="settings add-camera">
      <div class="settings-in">
        {owner ? (
          <CameraAdder onAdded={(camera) => go(`/live/${encodeURIComponent(camera)}`)} />
        ) : (
          <p class="card sub">{words.onlyOwners}</p>
        )}
      </div>
    </Page>
  );
}

/** The same without a page around it. onAdded: is called with the ID of the new camera. */
export function CameraAdder({ onAdded }: { onAdded: (camera: string) => void }) {
  const chosen = useSignal<Chosen | null>(null);
  const onOther = () => (chosen.value = null);
  if (chosen.value) return <OneCamera key={chosen.value.address} chosen={chosen.value} onOther={onOther} onAdded={onAdded} />;
  return (
    <>
      <Find onChoose={(one) => (chosen.value = one)} />
      <Address onChoose={(one) => (chosen.value = one)} />
    </>
  );
}

function Find({ onChoose }: { onChoose: (chosen: Chosen) => void }) {
  const search = useSignal<CameraSearch | null>(null);
  const failed = useSignal("");
  const probe = useSignal(false);
  const timer = useRef(0);
  const poll = async () => {
    search.value = await get<CameraSearch>("/camera-search");
    if (search.value.running) timer.current = window.setTimeout(() => void poll().catch(fail), POLL_MS);
  };
  const fail = (reason: unknown) => {
    failed.value = sentences(reason);
  };
  const start = async () => {
    failed.value = "";
    try {
      search.value = await post<CameraSearch>("/camera-search", { probe: probe.value });
      await poll();
    } catch (reason) {
      fail(reason);
    }
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const now = search.value;
  const cameras = now?.found ?? [];
  return (
    <section class="card" aria-labelledby="find-title">
      <div class="row between wrap">
        <div>
          <h2 id="find-title">{words.find.title}</h2>
          <p class="small sub">{words.find.sub}</p>
        </div>
        <button type="button" class={now ? "btn" : "btn pri"} disabled={now?.running ?? false} onClick={() => void start()}>
          <Icon name="search" small />
          {now ? words.find.again : words.find.start}
        </button>
      </div>
      <label class="row small add-probe">
        <input type="checkbox" checked={probe.value} onChange={(event) => (probe.value = event.currentTarget.checked)} />
        <span>
          {words.find.probe} <span class="sub">{words.find.probeSub}</span>
        </span>
      </label>
      {now?.fixed && <p class="small sub">{now.fixed}</p>}
      <p class="small sub" role="status">
        {now?.running ? words.find.searching : now && cameras.length > 0 ? words.find.found(cameras.length) : ""}
      </p>
      {failed.value && (
        <p class="add-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {now && !now.running && cameras.length === 0 && (
        <div class="add-none">
          <b>{words.find.none}</b>
          <ul class="small sub">
            {words.find.hints.map((hint) => (
              <li key={hint}>{hint}</li>
            ))}
          </ul>
        </div>
      )}
      {cameras.length > 0 && (
        <ul class="add-found">
          {cameras.map((one) => (
            <li key={one.place}>
              <Found camera={one} onChoose={onChoose} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Found({ camera, onChoose }: { camera: FoundCamera; onChoose: (chosen: Chosen) => void }) {
  const local = camera.kind === "usb" || camera.kind === "pi";
  const other = camera.kind === "tawny";
  const how = local
    ? [words.find.local, camera.width > 0 ? words.find.size(camera.width, camera.height) : ""]
    : [camera.place, other ? words.find.tawny : words.find.by(camera.ways.map((way) => words.find.ways[way] ?? way).join(", "))];
  const said = [camera.maker, camera.model].filter(Boolean).join(" ");
  return (
    <button
      type="button"
      class="add-one"
      disabled={camera.camera !== null || other || camera.problem !== ""}
      onClick={() => onChoose({ address: camera.place, title: camera.title, onvif: camera.onvif, said, needsLogin: !local })}
    >
      <Icon name="video" />
      <span class="grow">
        <b>{camera.title}</b>
        <span class="small sub">{how.filter(Boolean).join(" · ")}</span>
        {camera.problem && <span class="small add-refused">{camera.problem}</span>}
      </span>
      {camera.camera !== null ? <span class="small sub">{words.find.known}</span> : <Icon name="chevron-right" small />}
    </button>
  );
}

function Address({ onChoose }: { onChoose: (chosen: Chosen) => void }) {
  const address = useSignal("");
  return (
    <form
      class="card"
      aria-labelledby="address-title"
      onSubmit={(event) => {
        event.preventDefault();
        const text = address.value.trim();
        const needsLogin = !text.startsWith("/dev/") && !/^(picamera|demo):/.test(text);
        if (text) onChoose({ address: text, title: text, onvif: "", said: "", needsLogin });
      }}
    >
      <h2 id="address-title">{words.address.title}</h2>
      <div class="row wrap add-address">
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
        {words.address.hint}
      </p>
    </form>
  );
}

type Trial = { is: "open" } | { is: "trying" } | { is: "refused"; words: string } | { is: "fine"; result: CameraTrial };

function OneCamera({ chosen, onOther, onAdded }: { chosen: Chosen; onOther: () => void; onAdded: (camera: string) => void }) {
  const user = useSignal("");
  const password = useSignal("");
  const shown = useSignal(false);
  const trial = useSignal<Trial>({ is: "open" });
  const name = useSignal("");
  const adding = useSignal(false);
  const refused = useSignal("");
  const wanted = () => ({
    address: chosen.address,
    onvif: chosen.onvif,
    said: chosen.said,
    user: user.value,
    password: password.value,
  });
  const test = async () => {
    trial.value = { is: "trying" };
    try {
      trial.value = { is: "fine", result: await post<CameraTrial>("/camera-trial", wanted()) };
    } catch (reason) {
      trial.value = { is: "refused", words: sentences(reason) };
    }
  };
  const add = async () => {
    adding.value = true;
    refused.value = "";
    try {
      const { camera } = await post<AddedCamera>("/cameras", { ...wanted(), name: name.value.trim() });
      password.value = "";
      toast(words.name.added(name.value.trim()));
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
      <section class="card" aria-labelledby="login-title">
        <div class="row between wrap">
          <div>
            <h2 id="login-title">{chosen.title}</h2>
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
          <Result trial={trial.value.result} />
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

function sentences(reason: unknown): string {
  return reason instanceof ApiError ? [reason.message, reason.todo].filter(Boolean).join(" ") : words.failed;
}
