import { useSignal } from "@preact/signals";
import { cameraPath, put } from "../../api/client";
import type { Camera } from "../../api/types";
import { orientation as words } from "../../strings/orientation";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { type Orientation, Turn } from "../../ui/Turn";
import type { TuningStore } from "./store";

/** Turns the camera's image at once: the live image beside it shows it. */
export function TurnCamera({ store, camera, disabled }: { store: TuningStore; camera: Camera; disabled: boolean }) {
  const asked = useSignal<Orientation | null>(null);
  const failed = useSignal("");
  const unsaved = store.changed.value;
  const turn = async (to: Orientation) => {
    asked.value = to;
    failed.value = "";
    try {
      await put(`${cameraPath(camera.id)}/orientation`, to);
      await store.load();
    } catch (reason) {
      asked.value = null;
      failed.value = sentences(reason);
    }
  };
  return (
    <section class="card col" aria-labelledby="orientation-title">
      <h2 id="orientation-title">{words.title}</h2>
      <Turn value={asked.value ?? { rotate: camera.rotate, mirror: camera.mirror }} disabled={disabled || unsaved} onChange={(to) => void turn(to)} />
      {failed.value && (
        <p class="small field-bad" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      <p class="small sub tu-say">{unsaved ? words.unsaved : words.note}</p>
    </section>
  );
}
