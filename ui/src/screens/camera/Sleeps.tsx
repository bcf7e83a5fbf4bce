/** Whether it runs on a battery and is meant to sleep. */
import type { Camera } from "../../api/types";
import { sleeps as words } from "../../strings/sleeps";
import { useOwnSetting } from "./ownSetting";

export default function Sleeps({ camera }: { camera: Camera }) {
  const { value, isSaving, save } = useOwnSetting<boolean>(camera.id, "sleeps", false, words.saved);
  if (value === null) return null;
  return (
    <section class="card" aria-labelledby="sleeps">
      <div class="row between">
        <h2 id="sleeps">{words.title}</h2>
        <button
          type="button"
          class={`sw${value ? " on" : ""}`}
          role="switch"
          aria-checked={value}
          aria-label={words.sleeps}
          disabled={isSaving}
          onClick={() => void save(!value)}
        />
      </div>
      <p class="small sub">{words.about}</p>
    </section>
  );
}
