import { useSignal } from "@preact/signals";
import { modes } from "../../api/modes";
import { post } from "../../api/client";
import type { Camera } from "../../api/types";
import { manualRecord as words } from "../../strings/manual-record";
import { Icon } from "../../ui/Icon";
import { sentences } from "../../ui/sentences";
import { mayDirect } from "../../ui/session";
import { clock } from "../../ui/times";
import { toast } from "../../ui/toast";

/** Records now, whatever the mode; every page shows who did, and may end it. For owners and members. */
export function RecordButton({ camera }: { camera: Camera }) {
  const busy = useSignal(false);
  if (!mayDirect() || camera.state === "paused") return null;
  const hold = modes.value?.holds.find((one) => one.camera === camera.id && one.what === "record");
  const press = async () => {
    busy.value = true;
    try {
      toast((await post<{ words: string }>("/orders", { command: "record", camera: camera.id, on: !hold })).words);
    } catch (reason) {
      toast(sentences(reason));
    }
    busy.value = false;
  };
  return (
    <>
      <button type="button" class={`btn${hold ? " on" : ""}`} data-act="record" aria-pressed={hold !== undefined} title={hold ? undefined : words.hint} disabled={busy.value} onClick={() => void press()}>
        <Icon name={hold ? "x" : "circle-dot"} small />
        {hold ? words.stop : words.start}
      </button>
      {hold && (
        <span class="small sub" role="status">
          {words.now(hold.by, hold.until_ms === null ? "" : clock(hold.until_ms))}
        </span>
      )}
    </>
  );
}
