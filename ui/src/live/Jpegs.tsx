import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, url } from "../api/client";
import { on } from "../api/state";
import type { Camera } from "../api/types";
import type { Live } from "./useLive";

/** An image without end that begins before the page has loaded would keep it loading. */
const loaded = signal(document.readyState === "complete");
addEventListener("load", () => (loaded.value = true));
/** Browsers open six connections to a host, and each image without end holds one of them. */
const MOST_ENDLESS = 3;
const SMALL_PX = 320;
const AGAIN_MS = 1_000;
/** A stream that ended, as when its line broke, tells the browser nothing. */
const RENEW_MS = 60_000;
let endless = 0;

/** JPEGs without end; single ones, one a second, for small pictures and where there are many. */
export default function Jpegs({ camera, live, width, look }: { camera: Camera; live: Live; width: number; look: string }) {
  const flows = useSignal(false);
  const at = useSignal(0);
  const still = useSignal("");
  const image = useRef<HTMLImageElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const next = () => void (at.value += 1);
  useEffect(() => {
    if (!flows.value) return () => clearTimeout(timer.current);
    const renew = () => {
      still.value = stillOf(image.current);
      if (!still.value) next();
    };
    const each = setInterval(renew, RENEW_MS);
    const unhear = on("back", renew);
    return () => {
      clearInterval(each);
      unhear();
    };
  }, [flows.value]);
  const shown = live.seen.value && loaded.value;
  const small = width <= SMALL_PX;
  useEffect(() => {
    if (!shown || small || endless >= MOST_ENDLESS) return undefined;
    endless += 1;
    flows.value = true;
    return () => {
      endless -= 1;
      flows.value = false;
    };
  }, [shown, small]);
  const path = cameraPath(camera.id);
  const src = flows.value ? url(`${path}/mjpeg`, { width, fps: 15, at: at.value }) : url(`${path}/snapshot`, { width, at: at.value });
  return (
    <img
      ref={image}
      key={camera.since_ms} // a stream that ended, as when the camera begins anew, tells the browser nothing
      class={look}
      alt={camera.name}
      src={shown ? still.value || src : undefined}
      onLoad={({ currentTarget: { naturalWidth, naturalHeight: height } }) => {
        live.view.value = { kind: "playing", sound: false, stream: "" };
        live.numbers.value = { codec: "JPEG", width: naturalWidth, height, fps: null, bit_rate: null, delay: null, lost: null };
        if (still.value) next();
        still.value = "";
        if (flows.value) return;
        clearTimeout(timer.current);
        timer.current = setTimeout(next, AGAIN_MS);
      }}
      onError={() => live.seen.peek() && live.fail("blocked")}
    />
  );
}

/** What is seen now, shown until the next stream begins: it ends the old one's connection without a gap. Empty: nothing. */
function stillOf(image: HTMLImageElement | null): string {
  if (!image?.naturalWidth) return "";
  const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return canvas.toDataURL("image/jpeg");
}
