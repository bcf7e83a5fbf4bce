import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get } from "../../api/client";
import type { Camera, RetentionInfo, StoredInfo } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { session } from "../../ui/session";
import { length, size, when } from "../../ui/times";
import { RecordingModes } from "./RecordingModes";

const w = words.recording;

/** What is stored of the camera, what a day needs, and how long it stays. */
export default function Recording({ camera }: { camera: Camera }) {
  const retention = useSignal<RetentionInfo | null>(null);
  const stored = useSignal<StoredInfo | null>(null);
  const owner = session.value?.user?.role === "owner";
  useEffect(() => {
    if (!owner) return;
    get<RetentionInfo>("/retention").then((now) => (retention.value = now), () => {}); // the page shows less, then
    get<StoredInfo>(`${cameraPath(camera.id)}/stored`).then((now) => (stored.value = now), () => {});
  }, [camera.id, owner]);
  if (!owner) return <p class="small sub tu-note">{words.onlyOwner}</p>;
  const mine = retention.value?.cameras.find((one) => one.id === camera.id);
  const most = mine?.own.max ?? retention.value?.everyone.max;
  const rows: readonly [string, string | null][] = [
    [w.stored, stored.value && size(stored.value.bytes)],
    [w.oldest, stored.value?.oldest_ms ? when(stored.value.oldest_ms) : null],
    [w.day, mine?.day_bytes ? w.perDay(size(mine.day_bytes)) : w.measuring],
    [w.least, mine ? length(mine.promised_s * 1000) : null],
    [w.most, most ?? null],
  ];
  return (
    <div class="tu-main">
      <RecordingModes camera={camera} />
      <section class="card" aria-labelledby="recording-now">
        <h2 id="recording-now">{w.title}</h2>
        <dl class="camera-facts recording-facts">
          {rows.map(([name, value]) =>
            value === null ? null : (
              <div key={name}>
                <dt class="small muted">{name}</dt>
                <dd class="small num">{value}</dd>
              </div>
            ),
          )}
        </dl>
        <a class="btn" href="/settings/storage">
          {w.change}
        </a>
      </section>
    </div>
  );
}
