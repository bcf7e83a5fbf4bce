/** Reads the QR code of a link to another recorder: with the camera of this device, or before one of this recorder's. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { post } from "../api/client";
import { cameras } from "../api/state";
import { joining as words } from "../strings/joining";
import { Icon } from "./Icon";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import "./link-scan.css";

export function LinkScan({ onLink }: { onLink: (link: string) => void }) {
  return (
    <>
      {canScan() && <DeviceScan onLink={onLink} />}
      {cameras.value.length > 0 && <CameraScan onLink={onLink} />}
    </>
  );
}

const LOOK_S = 60;
const LOOK_AGAIN_MS = 400;

/** Reads the code from what a camera of this recorder sees, for at most LOOK_S. */
function CameraScan({ onLink }: { onLink: (link: string) => void }) {
  const chosen = useSignal(cameras.value[0]?.id ?? "");
  const left = useSignal(0);
  const said = useSignal("");
  const turn = useRef(0);
  const camera = cameras.value.find(({ id }) => id === chosen.value) ?? cameras.value[0];
  const stop = () => {
    turn.current++;
    left.value = 0;
  };
  useEffect(() => stop, []);
  if (!camera) return null;
  const look = async () => {
    const mine = ++turn.current;
    const ends = performance.now() + LOOK_S * 1000;
    said.value = "";
    while (mine === turn.current) {
      left.value = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
      if (!left.value) {
        said.value = words.unseen(camera.name);
        return;
      }
      try {
        const { link } = await post<{ link: string | null }>("/fleet/membership/code", { camera: camera.id });
        if (mine !== turn.current) return;
        if (link) {
          stop();
          onLink(link);
          return;
        }
      } catch (reason) {
        said.value = sentences(reason);
        stop();
        return;
      }
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    }
  };
  return (
    <div class="link-scan">
      <p>{words.before}</p>
      <div class="row wrap">
        {cameras.value.length > 1 && (
          <select aria-label={words.camera} value={camera.id} disabled={left.value > 0} onChange={(event) => (chosen.value = event.currentTarget.value)}>
            {cameras.value.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        {left.value > 0 ? (
          <button type="button" class="btn" onClick={stop}>
            {words.stop}
          </button>
        ) : (
          <button type="button" class="btn" onClick={() => void look()}>
            <Icon name="video" small /> {words.hold(camera.name)}
          </button>
        )}
      </div>
      <p class="small" role="status">
        {left.value > 0 ? words.looking(camera.name, String(left.value)) : <ServerText text={said.value} />}
      </p>
    </div>
  );
}

interface Detector {
  detect: (picture: HTMLVideoElement) => Promise<readonly { rawValue: string }[]>;
}
declare global {
  interface Window {
    BarcodeDetector?: new (options: { formats: readonly string[] }) => Detector;
  }
}

/** Whether this browser reads QR codes itself; only secure addresses have a camera. */
const canScan = () => Boolean(window.BarcodeDetector && navigator.mediaDevices?.getUserMedia);

function DeviceScan({ onLink }: { onLink: (link: string) => void }) {
  const on = useSignal(false);
  const failed = useSignal(false);
  return (
    <div class="link-scan">
      <button type="button" class="btn" aria-expanded={on.value} onClick={() => (on.value = !on.value)}>
        <Icon name="scan-eye" small /> {on.value ? words.stop : words.device}
      </button>
      {failed.value && <p role="alert" class="small">{words.deviceRefused}</p>}
      {on.value && (
        <DeviceCamera
          onLink={(link) => {
            on.value = false;
            onLink(link);
          }}
          onRefused={() => {
            on.value = false;
            failed.value = true;
          }}
        />
      )}
    </div>
  );
}

function DeviceCamera({ onLink, onRefused }: { onLink: (link: string) => void; onRefused: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    let ended = false;
    let media: MediaStream | null = null;
    const run = async () => {
      try {
        media = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } } });
      } catch {
        onRefused();
        return;
      }
      const shown = video.current;
      if (ended || !shown || !window.BarcodeDetector) return release();
      shown.srcObject = media;
      await shown.play();
      const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
      while (!ended) {
        const codes = await detector.detect(shown).catch(() => []);
        const link = codes.find(({ rawValue }) => /\/join#/.test(rawValue));
        if (link && !ended) return onLink(link.rawValue);
        await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
      }
    };
    const release = () => media?.getTracks().forEach((track) => track.stop());
    void run();
    return () => {
      ended = true;
      release();
    };
  }, []);
  return <video ref={video} class="link-scan-video" aria-label={words.deviceLabel} muted playsInline />;
}
