import { useSignal } from "@preact/signals";
import { cameraPath, post } from "../api/client";
import { cameraNamed } from "../api/state";
import { findCameras as words } from "../strings/find-cameras";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import { toast } from "./toast";

/** Offers the address at which a camera answers now. */
export function MovedCamera({ camera, place }: { camera: string; place: string }) {
  const state = useSignal<"open" | "trying" | "done">("open");
  const failed = useSignal("");
  const name = cameraNamed(camera);
  const use = async () => {
    state.value = "trying";
    failed.value = "";
    try {
      await post(`${cameraPath(camera)}/address`, { address: place });
      state.value = "done";
      toast(words.moved.done(name, place));
    } catch (reason) {
      state.value = "open";
      failed.value = sentences(reason);
    }
  };
  if (state.value === "done") return null;
  return (
    <div class="find-moved">
      <p>{words.moved.offer(name, place)}</p>
      <button type="button" class="btn pri" disabled={state.value === "trying"} onClick={() => void use()}>
        {state.value === "trying" ? words.moved.trying : words.moved.use}
      </button>
      {failed.value && (
        <p class="find-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
    </div>
  );
}
