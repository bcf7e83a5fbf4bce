import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { Camera, CameraSearch } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { MovedCamera } from "../../ui/MovedCamera";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";

const w = words.look;
const POLL_MS = 600;

/** Searches for an offline camera at other addresses, when its owner asks. */
export default function LookForIt({ camera }: { camera: Camera }) {
  const search = useSignal<CameraSearch | null>(null);
  const failed = useSignal("");
  const running = search.value?.running ?? false;
  const place = search.value?.moved[camera.id];
  useEffect(() => {
    if (!running) return;
    const poll = () => get<CameraSearch>("/camera-search").then((now) => (search.value = now));
    const timer = setInterval(() => void poll().catch((reason: unknown) => (failed.value = sentences(reason))), POLL_MS);
    return () => clearInterval(timer);
  }, [running]);
  const start = async () => {
    failed.value = "";
    try {
      search.value = await post<CameraSearch>("/camera-search");
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  return (
    <section class="card" aria-labelledby="look-title">
      <div class="row between wrap">
        <div class="grow">
          <h2 id="look-title">{w.title}</h2>
          <p class="small sub">{w.sub}</p>
        </div>
        <button type="button" class="btn" disabled={running} onClick={() => void start()}>
          {w.button}
        </button>
      </div>
      <p class="small sub" role="status">
        {running ? w.searching : search.value && !place ? w.none : ""}
      </p>
      {place && <MovedCamera key={place} camera={camera.id} place={place} />}
      {failed.value && (
        <p class="connection-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
    </section>
  );
}
