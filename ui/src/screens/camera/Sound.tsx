import type { ReadonlySignal } from "@preact/signals";
import type { DetectedSoundList } from "../../api/schema";
import type { Camera, Reading } from "../../api/types";
import { Choice, Numbers } from "./Places";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";
import { plural } from "../../strings";
import { ServerText } from "../../ui/ServerText";
import { clock } from "../../ui/times";
import { usePolled } from "../../ui/usePolled";

const w = words.sound;
const HOLDS = [1, 2, 3, 5, 10, 20, 30];
const LEVELS = [20, 30, 40, 50, 60, 70, 80, 90, 100];
const QUIETEST = -80;

/** Whether loud sounds are events, from which level on, and how loud it is now. */
export default function Sound(props: { store: TuningStore; camera: Camera; reading: ReadonlySignal<Reading | null>; disabled: boolean }) {
  const { store, camera, reading, disabled } = props;
  const draft = store.draft.value;
  if (!draft) return null;
  const { sound } = draft;
  const set = (changes: Partial<typeof sound>) => store.change({ sound: { ...sound, ...changes } });
  const listens = store.now.value?.watch.sound.listen ?? false;
  const now = reading.value?.sound ?? null;
  const trouble = store.now.value?.sound_trouble;
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
      {trouble ? (
        <p class="small field-bad">
          <ServerText text={trouble} />
        </p>
      ) : (
        <p class="small sub">{camera.audio ? w.listenSub : w.none}</p>
      )}
      {listens && camera.audio && (
        <div class="sound-now" role="img" aria-label={`${w.now}: ${now ? w.db(Math.round(now.db)) : w.waiting}`}>
          <span class="sound-bar">
            <i style={{ width: now ? `${Math.max(0, Math.min(100, 100 * (1 - now.db / QUIETEST)))}%` : "0%" }} class={now && now.score >= (sound.level ?? 50) ? "over" : ""} />
          </span>
          <b class="num small">{now ? w.db(Math.round(now.db)) : w.waiting}</b>
        </div>
      )}
      {listens && store.now.value?.watch.sound.model && <Heard camera={camera.id} />}
      {sound.listen && (
        <>
          <Model store={store} disabled={disabled} />
          <Numbers label={w.level} value={sound.level ?? 50} all={LEVELS} say={String} set={(level) => set({ level })} disabled={disabled} />
          <p class="small muted">{w.levelSub}</p>
          <Numbers label={w.hold} value={sound.hold_s ?? 3} all={HOLDS} say={words.every.s} set={(hold_s) => set({ hold_s })} disabled={disabled} />
        </>
      )}
    </section>
  );
}

/** What names sounds: models that were added, and what the settings name. */
function Model({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const draft = store.draft.value;
  const there = store.now.value?.sound_models ?? [];
  if (!draft) return null;
  const { sound } = draft;
  const chosen = sound.model ?? "";
  const all = [...new Set(["", chosen, ...there])];
  const set = (changes: Partial<typeof sound>) => store.change({ sound: { ...sound, ...changes } });
  return (
    <>
      <Choice label={w.model} value={chosen} options={all.map((name) => [name, name || w.noModel] as const)} set={(model) => set({ model })} disabled={disabled} />
      {!chosen && (
        <p class="small muted">
          <ServerText text={w.addModel} />
        </p>
      )}
      {chosen && (
        <div class="row between">
          <span>{w.unknown}</span>
          <button
            type="button"
            class={`sw${sound.loud === false ? "" : " on"}`}
            role="switch"
            aria-checked={sound.loud !== false}
            aria-label={w.unknown}
            disabled={disabled}
            onClick={() => set({ loud: sound.loud === false })}
          />
        </div>
      )}
    </>
  );
}

const POLL_MS = 2000;
const SHOWN = 8;

/** Which sounds were heard lately, and how sure the model was. */
function Heard({ camera }: { camera: string }) {
  const { found } = usePolled<DetectedSoundList>(`/cameras/${encodeURIComponent(camera)}/sounds`, POLL_MS);
  const items = found.value?.items;
  return (
    <div class="sounds-heard">
      <h3>{w.heard}</h3>
      {items?.length === 0 && <p class="small sub">{w.heardNone}</p>}
      <ul>
        {items?.slice(0, SHOWN).map((one) => (
          <li key={one.label} data-sound={one.label}>
            <span>
              <b>{one.title}</b> <span class="small muted">{one.is_event ? w.event : w.unsure}</span>
            </span>
            <span class="sound-now">
              <span class="sound-bar">
                <i style={{ width: `${Math.min(100, 100 * one.score)}%` }} class={one.is_event ? "over" : ""} />
              </span>
              <b class="num small">{w.percent(Math.round(100 * one.score))}</b>
            </span>
            <span class="small muted num">
              {clock(one.at_ms)} · {plural(one.count, w.times)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
