/** Whether privacy masks are burned into what is recorded. What that costs is measured before it is turned on. */
import { useSignal } from "@preact/signals";
import { cameraPath, post } from "../../api/client";
import type { MaskingCostInfo } from "../../api/schema";
import type { Camera } from "../../api/types";
import { burnIn as words } from "../../strings/burn-in";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { size } from "../../ui/times";
import { useOwnSetting } from "./ownSetting";

export default function BurnIn({ camera, disabled }: { camera: Camera; disabled: boolean }) {
  const { value, isSaving, save } = useOwnSetting<boolean>(camera.id, "burn_in_masks", false, words.saved);
  const measuring = useSignal(false);
  const cost = useSignal<MaskingCostInfo | null>(null);
  const failed = useSignal("");
  if (value === null) return null;
  const measure = async () => {
    measuring.value = true;
    failed.value = "";
    try {
      cost.value = await post<MaskingCostInfo>(`${cameraPath(camera.id)}/masking-cost`);
    } catch (reason) {
      failed.value = sentences(reason);
    }
    measuring.value = false;
  };
  const turnOn = async () => {
    await save(true);
    cost.value = null;
  };
  const found = cost.value;
  return (
    <section class="card col" aria-labelledby="burn-in">
      <div class="row between">
        <h2 id="burn-in">{words.title}</h2>
        <button
          type="button"
          class={`sw${value ? " on" : ""}`}
          role="switch"
          aria-checked={value}
          aria-label={words.burnIn}
          disabled={disabled || isSaving || measuring.value}
          onClick={() => void (value ? save(false) : measure())}
        />
      </div>
      <p class="small sub tu-say">{words.about}</p>
      <div aria-live="polite">
        {measuring.value && <p class="small">{words.measuring}</p>}
        {failed.value && (
          <p class="small field-bad">
            <ServerText text={failed.value} />
          </p>
        )}
        {found && !value && (
          <>
            <p class="small">{words.cost(`${Math.max(1, Math.round(found.cores * 100))} %`, found.of_cores, size(found.bytes_day), size(found.bytes_day_before))}</p>
            {found.hardware && <p class="small sub">{words.hardware}</p>}
            {!found.enough && <p class="small field-bad">{words.tooSlow}</p>}
            <div class="row">
              <button type="button" class="btn pri" disabled={isSaving} onClick={() => void turnOn()}>
                {words.turnOn}
              </button>
              <button type="button" class="btn" onClick={() => (cost.value = null)}>
                {words.notNow}
              </button>
            </div>
          </>
        )}
      </div>
    </section>
  );
}
