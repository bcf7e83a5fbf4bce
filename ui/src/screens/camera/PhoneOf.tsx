import { useSignal } from "@preact/signals";
import { cameraPath, remove } from "../../api/client";
import type { PhoneInfo } from "../../api/schema";
import type { Camera } from "../../api/types";
import { phoneCamera } from "../../strings/phone-camera";
import { PhonePairing } from "../../ui/PhonePairing";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";

const w = phoneCamera.of;

/** The phone that is this camera: another one may take its place, and an owner may remove it. */
export default function PhoneOf({ camera, phone, onChanged }: { camera: Camera; phone: PhoneInfo; onChanged: () => void }) {
  const asks = useSignal<"" | "another" | "remove">("");
  const failed = useSignal("");
  const close = () => {
    asks.value = "";
    onChanged();
  };
  const end = async () => {
    failed.value = "";
    try {
      await remove(`${cameraPath(camera.id)}/phone`);
      toast(w.removed);
    } catch (reason) {
      failed.value = sentences(reason);
    }
    close();
  };
  const { joined_ms: joined } = phone;
  return (
    <section class="card" aria-labelledby="phone-of">
      <h2 id="phone-of">{w.title}</h2>
      {joined === null ? (
        <p class="small sub tu-say">{w.none}</p>
      ) : (
        <>
          <p class="tu-say">{w.joined(phone.device, when(joined))}</p>
          <p class="small sub">{phone.connected ? w.sends : w.waits}</p>
        </>
      )}
      {failed.value && (
        <p class="tu-say connection-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      <div class="row wrap tu-say">
        <button type="button" class="btn" onClick={() => (asks.value = "another")}>
          {joined === null ? w.first : w.another}
        </button>
        {joined !== null && (
          <button type="button" class="btn bad" onClick={() => (asks.value = "remove")}>
            {w.remove}
          </button>
        )}
      </div>
      {asks.value === "another" && (
        <Sheet title={joined === null ? w.first : w.another} onClose={close}>
          {joined !== null && <p class="sub">{w.replaces}</p>}
          <PhonePairing camera={camera.id} onJoined={close} />
        </Sheet>
      )}
      {asks.value === "remove" && (
        <Sheet title={w.ask} onClose={() => (asks.value = "")}>
          <p class="sub">{w.askSub}</p>
          <div class="row wrap tu-leave">
            <button type="button" class="btn bad" onClick={() => void end()}>
              {w.remove}
            </button>
            <button type="button" class="btn pri" onClick={() => (asks.value = "")}>
              {w.cancel}
            </button>
          </div>
        </Sheet>
      )}
    </section>
  );
}
