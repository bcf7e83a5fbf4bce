import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.reading;

/** What is read of what was seen: number plates, and what the owner's recognisers know. Off unless switched on. */
export function Reads({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const draft = store.draft.value;
  const now = store.now.value;
  if (!draft || !now || now.readers.length === 0) return null;
  const chosen = draft.read ?? [];
  const flip = (name: string) =>
    store.change({ read: chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name] });
  return (
    <section class="card" aria-labelledby="reading-title">
      <h2 id="reading-title">{w.title}</h2>
      {now.readers.map((name) => (
        <div key={name} class="row between reading-one">
          <span>{name === "plates" ? w.plates : w.named(name)}</span>
          <button
            type="button"
            class={`sw${chosen.includes(name) ? " on" : ""}`}
            role="switch"
            aria-checked={chosen.includes(name)}
            aria-label={name === "plates" ? w.plates : w.named(name)}
            disabled={disabled}
            onClick={() => flip(name)}
          />
        </div>
      ))}
      <p class="small sub">{w.sub}</p>
    </section>
  );
}
