import type { ReadonlySignal } from "@preact/signals";
import type { Camera, Reading } from "../../api/types";
import { Numbers } from "./Places";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.sound;
const HOLDS = [1, 2, 3, 5, 10, 20, 30];
const LEVELS = [20, 30, 40, 50, 60, 70, 80, 90, 100];
const QUIETEST = -80;

/** Whether loud sounds are events, from which level on, and how loud it is now. */
export function Sound(props: { store: TuningStore; camera: Camera; reading: ReadonlySignal<Reading | null>; disabled: boolean }) {
  const { store, camera, reading, disabled } = props;
  const draft = store.draft.value;
  if (!draft) return null;
  const { sound } = draft;
  const set = (changes: Partial<typeof sound>) => store.change({ sound: { ...sound, ...changes } });
  const listens = store.now.value?.watch.sound.listen ?? false;
  const now = reading.value?.sound ?? null;
  return (
    <section class="card sound" aria-labelledby="sound-title">
      <div class="row between">
        <h2 id="sound-title">{w.title}</h2>
        <button
          type="button"
          class={`sw${sound.listen ? " on" : ""}`}
          role="switch"
          aria-checked={sound.listen}
          aria-label={w.listen}
          disabled={disabled || (!camera.audio && !sound.listen)}
          onClick={() => set({ listen: !sound.listen })}
        />
      </div>
      <p class="small sub">{camera.audio ? w.listenSub : w.none}</p>
      {store.now.value?.sound_trouble && <p class="small field-bad">{store.now.value.sound_trouble}</p>}
      {listens && (
        <div class="sound-now" role="img" aria-label={`${w.now}: ${now ? w.db(Math.round(now.db)) : w.waiting}`}>
          <span class="sound-bar">
            <i style={{ width: now ? `${Math.max(0, Math.min(100, 100 * (1 - now.db / QUIETEST)))}%` : "0%" }} class={now && now.score >= (sound.level ?? 50) ? "over" : ""} />
          </span>
          <b class="num small">{now ? w.db(Math.round(now.db)) : w.waiting}</b>
        </div>
      )}
      {sound.listen && (
        <>
          <Numbers label={w.level} value={sound.level ?? 50} all={LEVELS} say={String} set={(level) => set({ level })} disabled={disabled} />
          <p class="small muted">{w.levelSub}</p>
          <Numbers label={w.hold} value={sound.hold_s ?? 3} all={HOLDS} say={words.every.s} set={(hold_s) => set({ hold_s })} disabled={disabled} />
        </>
      )}
    </section>
  );
}
