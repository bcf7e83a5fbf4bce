/** The page that a phone opens to be a camera. Nothing else of the application is loaded, and nobody signs in. */
import { signal, useSignal } from "@preact/signals";
import { type ComponentProps, render } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { phoneCamera } from "../../strings/phone-camera";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sender, type Sending, canSend, kept } from "./sender";
import "../../ui/share.css";
import "./phone.css";

const words = phoneCamera.page;
/** The code in the address with which this phone would become another camera. */
const wanted = signal("");

/** This page is the camera. A code left in its address would ask to join once another tab has used another code. */
function stay(): void {
  history.replaceState(null, "", location.pathname);
  wanted.value = "";
}

function readCode(): void {
  const code = location.hash.slice(1);
  if (!code || code === kept()?.code) stay();
  else wanted.value = code;
}

export function show(root: HTMLElement): void {
  readCode();
  addEventListener("hashchange", () => {
    readCode();
    if (wanted.value) location.reload(); // closes the camera
  });
  document.title = `${words.title} – ${words.name}`;
  render(
    <div class="shared phone">
      <header>
        <Owl size={34} />
        <b>{words.name}</b>
      </header>
      <main>
        <PhonePage />
      </main>
    </div>,
    root,
  );
}

function Press({ look = "", ...rest }: ComponentProps<"button"> & { look?: string }) {
  return <button type="button" class={`btn ${look}`} {...rest} />;
}

function PhonePage() {
  if (!window.isSecureContext || !navigator.mediaDevices) return <Problem {...words.insecure} href="/settings/address" />;
  if (!canSend()) return <Problem icon="video-off" what={words.noVideo} />;
  if (!wanted.value && !kept()) return <Problem icon="smartphone" {...words.noCode} />;
  return <Camera />;
}

function Camera() {
  const [sender] = useState(() => new Sender());
  const busy = useSignal("");
  useLayoutEffect(() => {
    if (wanted.value || sender.state.peek() !== "stopped") return; // not stopped: it has just joined
    sender.problem.value = "";
    if (kept()?.stopped === false) sender.start(!document.hidden);
  }, [wanted.value]);
  const start = () => sender.start();
  const join = async () => {
    sender.problem.value = "";
    busy.value = words.asking;
    if (await sender.open()) {
      busy.value = words.joining;
      try {
        await sender.join(wanted.value);
        start();
        readCode();
      } catch (reason) {
        sender.closeCamera();
        sender.problem.value = sentences(reason);
      }
    }
    busy.value = "";
  };
  const problem = sender.problem.value;
  const said = problem && (
    <p class="phone-problem" role="alert">
      <Icon name="triangle-alert" small /> <ServerText text={problem} />
    </p>
  );
  const camera = sender.camera.value;
  if (wanted.value)
    return (
      <>
        <h1>{words.h1}</h1>
        <ul class="phone-points">
          {words.points.map((one) => (
            <li key={one}>{one}</li>
          ))}
          {camera && <li>{words.already(camera)}</li>}
        </ul>
        {said}
        <Press look="pri" disabled={!!busy.value} onClick={() => void join()}>
          <Icon name="video" small />
          {problem ? words.again : words.allow}
        </Press>
        {camera && (
          <Press disabled={!!busy.value} onClick={stay}>
            {words.stay(camera)}
          </Press>
        )}
        <p class="small sub" role="status">
          {busy.value}
        </p>
      </>
    );
  if (sender.state.value === "removed") return <Problem icon="circle-slash" {...words.removed} button={words.again} onPress={start} />;
  if (sender.state.value === "elsewhere")
    return <Problem icon="smartphone" what={words.elsewhere} button={words.here} onPress={start} />;
  return (
    <>
      <Status sender={sender} />
      {said}
      <Preview sender={sender} />
      <Controls sender={sender} />
    </>
  );
}

function Status({ sender }: { sender: Sender }) {
  const now = sender.state.value as Exclude<Sending, "removed" | "elsewhere">; // which have pages of their own
  const state = sender.picture.value || (now !== "sending" && now !== "connecting") ? now : "blocked";
  const text = state === "sending" ? words.sending(sender.camera.value) : words[state];
  return (
    <div class={`phone-status ${state}`}>
      <div role="status">
        <h1>
          <Icon name={state === "sending" ? "circle-dot" : state === "waiting" ? "wifi-off" : state === "connecting" ? "clock" : "video-off"} /> {text}
        </h1>
      </div>
      <p class="small sub num">{sender.rate.value || "\u00a0"}</p>
    </div>
  );
}

/** What is sent, as it is sent: a front camera isn't mirrored either. */
function Preview({ sender }: { sender: Sender }) {
  const video = useRef<HTMLVideoElement>(null);
  const picture = sender.picture.value;
  useLayoutEffect(() => {
    if (video.current) video.current.srcObject = picture;
  }, [picture]);
  return picture && <video ref={video} class="phone-picture" autoplay muted playsInline aria-label={words.picture} />;
}

function Controls({ sender }: { sender: Sender }) {
  const state = sender.state.value;
  if (state === "stopped")
    return (
      <Press look="pri" onClick={() => sender.start()}>
        <Icon name="play" small />
        {sender.problem.value ? words.again : words.start}
      </Press>
    );
  const on = sender.sound.value;
  return (
    <>
      {!sender.picture.value && sender.problem.value && (
        <Press look="pri" onClick={() => void sender.reopen()}>
          {words.again}
        </Press>
      )}
      <div class="phone-controls">
        <Press aria-pressed={on} onClick={() => void sender.setSound(!on)}>
          <Icon name={on ? "mic" : "volume-x"} small />
          {words.sound}: {on ? words.on : words.off}
        </Press>
        {sender.hasOthers.value && (
          <Press onClick={() => void sender.switchCamera()}>
            <Icon name="rotate-cw" small />
            {words.turn}
          </Press>
        )}
        <Press look="phone-stop" onClick={() => sender.stop()}>
          {words.stop}
        </Press>
      </div>
      <p class="small sub">{sender.awake.value ? words.awake : words.asleep}</p>
    </>
  );
}
