/** The page that a phone opens to be a camera. Nothing else of the application is loaded, and nobody signs in. */
import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { phoneCamera } from "../../strings/phone-camera";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sender, canSend, kept } from "./sender";
import "../../ui/share.css";
import "./phone.css";

const words = phoneCamera.page;

export function show(root: HTMLElement): void {
  addEventListener("hashchange", () => location.hash.slice(1) === kept()?.code || location.reload()); // another code, opened in this tab
  document.title = `${words.title} – ${words.name}`;
  render(
    <div class="shared phone">
      <header>
        <Owl size={34} />
        <b>{words.name}</b>
      </header>
      <main>
        <PhonePage code={location.hash.slice(1)} />
      </main>
    </div>,
    root,
  );
}

function PhonePage({ code }: { code: string }) {
  if (!window.isSecureContext || !navigator.mediaDevices) return <Problem {...words.insecure} href="/settings/address" />;
  if (!canSend()) return <Problem icon="video-off" what={words.noVideo} />;
  if (!code && !kept()) return <Problem icon="smartphone" {...words.noCode} />;
  return <Camera code={code} />;
}

function Camera({ code }: { code: string }) {
  const [sender] = useState(() => new Sender());
  // With the link by which it became one, opened again, this phone is still that camera.
  const wanted = useSignal(code === kept()?.code ? "" : code);
  const busy = useSignal("");
  const refused = useSignal("");
  useEffect(() => {
    if (!wanted.peek() && kept()?.stopped === false) sender.start(!document.hidden);
  }, []);
  const join = async () => {
    refused.value = sender.problem.value = "";
    busy.value = words.asking;
    if (await sender.open()) {
      busy.value = words.joining;
      try {
        await sender.join(wanted.value);
        wanted.value = "";
        history.replaceState(null, "", location.pathname); // the code has been used
        sender.start();
      } catch (reason) {
        sender.closeCamera();
        refused.value = sentences(reason);
      }
    }
    busy.value = "";
  };
  const problem = refused.value || sender.problem.value;
  const said = problem && (
    <p class="phone-problem" role="alert">
      <Icon name="triangle-alert" small /> <ServerText text={problem} />
    </p>
  );
  if (wanted.value)
    return (
      <>
        <h1>{words.h1}</h1>
        <ul class="phone-points">
          {words.points.map((one) => (
            <li key={one}>{one}</li>
          ))}
          {sender.camera.value && <li>{words.already(sender.camera.value)}</li>}
        </ul>
        {said}
        <button type="button" class="btn pri phone-wide" disabled={busy.value !== ""} onClick={() => void join()}>
          <Icon name="video" small />
          {problem ? words.again : words.allow}
        </button>
        <p class="small sub" role="status">
          {busy.value}
        </p>
      </>
    );
  if (sender.state.value === "removed") return <Problem icon="circle-slash" {...words.removed} button={words.again} onPress={() => sender.start()} />;
  if (sender.state.value === "elsewhere")
    return <Problem icon="smartphone" what={words.elsewhere} button={words.here} onPress={() => sender.start()} />;
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
  const now = sender.state.value;
  const state = sender.picture.value || (now !== "sending" && now !== "connecting") ? now : "blocked";
  const text = { stopped: words.stopped, connecting: words.connecting, sending: words.sending(sender.camera.value), waiting: words.waiting, blocked: words.blocked, removed: "", elsewhere: "" }[state];
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
  useEffect(() => {
    if (video.current) video.current.srcObject = picture;
  }, [picture]);
  return picture && <video ref={video} class="phone-picture" autoplay muted playsInline aria-label={words.picture} />;
}

function Controls({ sender }: { sender: Sender }) {
  const state = sender.state.value;
  if (state === "stopped")
    return (
      <button type="button" class="btn pri phone-wide" onClick={() => sender.start()}>
        <Icon name="play" small />
        {sender.problem.value ? words.again : words.start}
      </button>
    );
  const on = sender.sound.value;
  return (
    <>
      {!sender.picture.value && sender.problem.value && (
        <button type="button" class="btn pri phone-wide" onClick={() => void sender.reopen()}>
          {words.again}
        </button>
      )}
      <div class="phone-controls">
        <button type="button" class="btn" aria-pressed={on} onClick={() => void sender.setSound(!on)}>
          <Icon name={on ? "mic" : "volume-x"} small />
          {words.sound}: {on ? words.on : words.off}
        </button>
        {sender.hasOthers.value && (
          <button type="button" class="btn" onClick={() => void sender.switchCamera()}>
            <Icon name="rotate-cw" small />
            {words.turn}
          </button>
        )}
        <button type="button" class="btn phone-stop" onClick={() => sender.stop()}>
          {words.stop}
        </button>
      </div>
      <p class="small sub">{sender.awake.value ? words.awake : words.asleep}</p>
    </>
  );
}
